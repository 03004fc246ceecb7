import { isGrpcServiceError } from '@temporalio/client';
import { createRedact, rules, NotYetTurn, SourceFailure } from '../activities/failures';
import { describeDatabaseError } from '../db/failures';
import { addresses } from './commands/addresses';
import { parseCommandLine } from './commands/arguments';
import { backup } from './commands/backup';
import { coins } from './commands/coins';
import { UsageError, type Answer, type Command } from './commands/command';
import { openConnections, type Connections } from './commands/connections';
import { doctor } from './commands/doctor';
import { explain } from './commands/explain';
import { failures } from './commands/failures';
import { helpOf, overview } from './commands/help';
import { logs } from './commands/logs';
import { metrics } from './commands/metrics';
import { migrate } from './commands/migrate';
import { restore } from './commands/restore';
import { run } from './commands/run';
import { schedules } from './commands/schedules';
import { show } from './commands/show';
import { sources } from './commands/sources';
import { tryDataset } from './commands/try';
import { duration, jsonDocument } from './output';

/** All commands, in the order of the help. Another one is a file in commands/ and a line here. */
const commands: readonly Command[] = [
  migrate,
  schedules,
  run,
  logs,
  failures,
  show,
  explain,
  metrics,
  coins,
  addresses,
  sources,
  tryDataset,
  backup,
  restore,
  doctor,
];

const exitCodes = { done: 0, failed: 1, misused: 2 } as const;

export interface Terminal {
  /** what was found */
  out(text: string): void;
  /** what is wrong */
  err(text: string): void;
  /** instead of the process's own */
  environment?: Readonly<Record<string, string | undefined>>;
}

/** Runs the command of `words` and returns the exit code: 1 where something failed, 2 where it cannot be meant. */
export async function execute(words: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = words.includes('--json');
  const connections = openConnections({ isJson, environment: terminal.environment });
  const complain = (text: string) => terminal.err(`${createRedact(connections.known()?.secrets ?? [])(text)}\n`);
  try {
    const answer = await answerTo(words, connections);
    terminal.out(isJson ? jsonDocument(answer.document) : answer.lines.map((line) => `${line}\n`).join(''));
    if (answer.problem) complain(answer.problem);
    return answer.exitCode ?? exitCodes.done;
  } catch (error) {
    complain(describeFailure(error, connections));
    return error instanceof UsageError ? exitCodes.misused : exitCodes.failed;
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

async function main(): Promise<void> {
  // `cli logs | head` closes the pipe: that is no failure
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.exitCode = await execute(process.argv.slice(2), {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
}

if (require.main === module) void main();
