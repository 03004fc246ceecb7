import path from 'node:path';
import { readFileSync } from 'node:fs';
import * as workflows from '../../workflows';
import { applyEdit, breakingEdits, harmlessEdits } from '../proof/breaking-edits';
import { bundleWith, findDifferent, loadHistories, silenceRuntime } from '../proof/replay';

const project = path.join(__dirname, '..', '..');
const bundle = { codePath: path.join(project, '.build', 'workflow-bundle.js') };
const histories = loadHistories(path.join(__dirname, 'histories'));

// What to do when the first test fails: put the change behind `patched()`, or, before there is anything to upgrade,
// record anew with `npm run proof -- record`.
describe('workflows that are under way go on after an upgrade', () => {
  beforeAll(silenceRuntime);

  test('every saved history replays against the production bundle', async () => {
    expect(await findDifferent(bundle, histories)).toEqual([]);
  });

  test('every workflow type has a saved history', () => {
    const recorded = new Set(
      histories.map(({ history }) => history.events[0]!.workflowExecutionStartedEventAttributes!.workflowType!.name),
    );
    const types = Object.keys(workflows).filter((name) => name !== 'default');
    // types that no function is named after go to the default one
    expect([...recorded]).toEqual(expect.arrayContaining([...types, 'ingestBlockchair', 'ingestCoinGecko']));
  });

  test('every breaking edit still fits the workflows that it breaks', () => {
    for (const edit of [...breakingEdits, ...harmlessEdits])
      applyEdit(edit, readFileSync(path.join(project, 'workflows', edit.file), 'utf8'));
    expect(breakingEdits).toHaveLength(20);
  });

  // all twenty: npm run proof -- replay
  test.each([breakingEdits[0]!, breakingEdits[11]!, breakingEdits[17]!])('caught: $what', async (edit) => {
    expect(await findDifferent(await bundleWith(edit, project), histories, true)).toMatchObject([
      { verdict: 'broken', message: expect.stringContaining('Nondeterminism') as string },
    ]);
  });
});
