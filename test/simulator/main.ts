import { parseArgs } from 'node:util';
import type { Fault } from './faults';
import { startSimulator } from './index';

const SWITCHES: readonly string[] = ['hang', 'reset', 'html', 'truncatedGzip', 'emptyDay'];

const USAGE = `Usage: node .build/test/simulator/main.js [options] [--fault '<route>' <knob>]...

Serves the simulated sources on loopback until Ctrl-C.

Options
  --port <number>               default: a free one
  --seed <text>                 default: cryptoflow
  --blocks <number>             blocks per coin and day (144)
  --transactions <number>       transactions per coin and day (1500)
  --blockchair-key <text>       a key that is accepted; likewise --coingecko-demo-key, --coingecko-pro-key
  --no-limits                   answers everything at once
  --replay <folder>             serves recorded answers
  --fault '<route>' <knob>      a status, a name (hang, reset, html, truncatedGzip, emptyDay) or JSON

Examples
  --fault 'blockchair /bitcoin/transactions' 503
  --fault 'coingecko ^/coins/[a-z]+/history' '{"latencyMs":2000,"probability":0.1}'
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string' },
      seed: { type: 'string' },
      blocks: { type: 'string' },
      transactions: { type: 'string' },
      'blockchair-key': { type: 'string', multiple: true },
      'coingecko-demo-key': { type: 'string', multiple: true },
      'coingecko-pro-key': { type: 'string', multiple: true },
      'no-limits': { type: 'boolean' },
      replay: { type: 'string' },
      fault: { type: 'string', multiple: true },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const simulator = await startSimulator({
    seed: values.seed,
    port: wholeNumber(values.port),
    blocksPerDay: wholeNumber(values.blocks),
    transactionsPerDay: wholeNumber(values.transactions),
    keys: {
      blockchair: values['blockchair-key'],
      coingeckoDemo: values['coingecko-demo-key'],
      coingeckoPro: values['coingecko-pro-key'],
    },
    limits: values['no-limits'] ? 'none' : 'documented',
    replayFolder: values.replay,
  });
  for (const [index, route] of (values.fault ?? []).entries()) simulator.fault(route, knob(positionals[index]));

  process.stdout.write(values.replay ? `recorded answers of ${values.replay}\n` : 'simulated data, not real\n');
  for (const [source, baseUrl] of Object.entries(simulator.baseUrls)) {
    process.stdout.write(`${source.padEnd(16)}${baseUrl}\n`);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void simulator.close());
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`'${text}' is not a whole number`);
  return Number(text);
}

function knob(text: string | undefined): Fault {
  if (text === undefined) throw new Error('--fault needs a route and a knob');
  if (/^\d+$/.test(text)) return { status: Number(text) };
  if (text.startsWith('{')) return JSON.parse(text) as Fault;
  if (!SWITCHES.includes(text)) throw new Error(`there is no knob '${text}': ${SWITCHES.join(', ')}, a status or JSON`);
  return { [text]: true };
}

main().catch((error: unknown) => {
  process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
});
