import Sequencer from '@jest/test-sequencer';

type Tests = Parameters<Sequencer['sort']>[0];

/**
 * Tests of the whole product first. They mostly wait, and one of them that began last would be waited for alone; without
 * times of an earlier run, Jest goes by the size of files.
 */
export default class extends Sequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const sorted = await super.sort(tests);
    const isLong = ({ path }: Tests[number]): boolean => path.includes('/e2e/');
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
