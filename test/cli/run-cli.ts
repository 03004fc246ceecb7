import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execute } from '../../workers/cli';

const cliPath = path.join(__dirname, '..', '..', '.build', 'workers', 'cli.js');

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The built CLI in a process of its own, with this environment and nothing else; away from any `.env`. */
export function cli(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cliPath, ...words], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, ...environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** The same in this process: for the many ways to be wrong, as a process takes half a second to begin. */
export async function cliHere(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const result = { stdout: '', stderr: '' };
  const code = await execute(words, {
    out: (text) => (result.stdout += text),
    err: (text) => (result.stderr += text),
    environment,
  });
  return { code, ...result };
}

/** What `--json` printed, of a command that went well: exactly one document. */
export async function cliJson<T>(words: readonly string[], environment: Readonly<Record<string, string>>): Promise<T> {
  const result = await cli([...words, '--json'], environment);
  if (result.code !== 0 || result.stderr !== '')
    throw new Error(`${words.join(' ')}: exit ${result.code}\n${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}
