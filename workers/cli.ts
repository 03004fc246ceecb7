import { isGrpcServiceError } from '@temporalio/client';
import { createRedact, rules, NotYetTurn, SourceFailure } from '../activities/failures';
import { describeDatabaseError } from '../db/failures';
import { addresses } from './commands/addresses';
import { parseCommandLine } from './commands/arguments';
import { coins } from './commands/coins';
import { UsageError, type Answer, type Command } from './commands/command';
import { openConnections, type Connections } from './commands/connections';
import { doctor } from './commands/doctor';
import { helpOf, overview } from './commands/help';
import { logs } from './commands/logs';
import { migrate } from './commands/migrate';
import { run } from './commands/run';
import { schedules } from './commands/schedules';
import { show } from './commands/show';
import { tryDataset } from './commands/try';
import { duration, jsonDocument } from './output';

/** All commands, in the order of the help. */
const commands: readonly Command[] = [migrate, schedules, run, logs, show, coins, addresses, tryDataset, doctor];

const exitCodes = { failed: 1, misused: 2 } as const;

/** Runs the command of `words`. What it found goes to stdout, what is wrong to stderr, its exit code to the process. */
export async function main(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  // `cli logs | head` closes the pipe: that is no failure
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const isJson = words.includes('--json');
  const connections = openConnections({ isJson });
  try {
    const answer = await answerTo(words, connections);
    process.stdout.write(isJson ? jsonDocument(answer.document) : answer.lines.map((line) => `${line}\n`).join(''));
    if (answer.problem) complain(answer.problem, connections);
    process.exitCode = answer.exitCode ?? 0;
  } catch (error) {
    complain(describeFailure(error, connections), connections);
    process.exitCode = error instanceof UsageError ? exitCodes.misused : exitCodes.failed;
  } finally {
    await connections.close();
  }
}

async function answerTo(words: readonly string[], connections: Connections): Promise<Answer> {
  const parsed = parseCommandLine(commands, words);
  if ('action' in parsed) return parsed.action.run(parsed.call, connections);
  const lines = parsed.help ? helpOf(parsed.help, parsed.actionName) : overview(commands);
  return { document: { help: lines }, lines };
}

function complain(text: string, connections: Connections): void {
  process.stderr.write(`${createRedact(connections.known()?.secrets ?? [])(text)}\n`);
}

/** What failed - why - what to do. */
function describeFailure(error: unknown, connections: Connections): string {
  if (error instanceof SourceFailure) return `${error.message} - ${error.type} - ${rules[error.type].advice}`;
  if (error instanceof NotYetTurn)
    return `the source was not asked - ${error.message} - try again in ${duration(error.waitMs)}`;
  if (isGrpcServiceError(error))
    return `Temporal refused the request - ${error.details || error.message} - see that the server runs and allows it`;
  const ofDatabase = describeDatabaseError(error, connections.known()?.databaseUrl);
  if (ofDatabase.kind !== 'other') return ofDatabase.message;
  return error instanceof Error ? error.message : String(error);
}

if (require.main === module) void main();
