import path from 'node:path';
import { loadHistories, replay, silenceRuntime } from '../proof/replay';

const bundle = { codePath: path.join(__dirname, '..', '..', '.build', 'workflow-bundle.js') };
const histories = loadHistories(path.join(__dirname, 'histories'));

describe('workflows that are under way go on after an upgrade', () => {
  beforeAll(silenceRuntime);

  test('every saved history replays against the bundle of today', async () => {
    const results = [];
    for await (const each of replay(bundle, histories)) results.push(each);
    expect(results.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
    expect(results.length).toBe(histories.length);
  });
});
