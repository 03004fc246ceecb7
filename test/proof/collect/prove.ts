import { startServers } from '../../../workers/stack/stack';
import type { ProofTools } from '../proof';
import { killedAt, steps } from './killed-steps';
import { collectSkippedSlots } from './skipped-days';

const full = { slots: 96, assets: 50, failing: 0.05, killsPerStep: 10 };

/** `npm run proof -- collect`: a whole day of slots under faults, and every step of a slot under kills. */
export async function proveCollect({ say, cleanup }: ProofTools) {
  const servers = await startServers('proof', cleanup, say);
  const { killsPerStep, ...day } = full;
  const slots = await collectSkippedSlots({ databaseServer: servers.database.url, ...day, cleanup });
  if ('whyNot' in slots) return { figures: {}, problems: [`no skipped clock: ${slots.whyNot}`] };
  say(`${slots.slots} slots, ${slots.rows} rows, ${slots.failedRequests} of ${slots.requests} requests failed`);
  const problems = [...slots.problems];
  let kills = 0;
  for (const step of Object.keys(steps)) {
    const options = { databaseServer: servers.database.url, temporalAddress: servers.temporal.address };
    const found = await Promise.all(Array.from({ length: killsPerStep }, () => killedAt(step, options)));
    kills += killsPerStep;
    problems.push(...found.flat());
    say(`${step}: ${killsPerStep} kills, ${found.flat().length} problems`);
  }
  return { figures: { ...slots, problems: problems.length, kills, steps: Object.keys(steps).length }, problems };
}
