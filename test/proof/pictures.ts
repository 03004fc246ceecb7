import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { addWatchedAddress } from '../../db/queries/watched-addresses';
import { bringUp } from '../../workers/stack/bring-up';
import { projectFolder } from '../../workers/stack/stack';
import { startSimulator } from '../simulator';
import { simulatedEnvironment } from '../simulator/environment';
import type { ProofTools } from './proof';

const folder = path.join(projectFolder, 'test', 'pictures');
export const chromiumPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * The pages of the Temporal UI that the README shows, of simulated data: a finished, a running and a failed DAG, a
 * failing activity and the schedule. They are for people to look at, so nothing is compared.
 */
export async function pictures({ say, cleanup }: ProofTools): Promise<void> {
  const executablePath = chromiumPaths.find((each) => existsSync(each));
  if (!executablePath) throw new Error(`No Chromium was found - looked at ${chromiumPaths.join(', ')} - install one.`);
  mkdirSync(folder, { recursive: true });
  const simulator = await startSimulator({ limits: 'none', transactionsPerDay: 400 });
  cleanup.add(() => simulator.close());
  const stack = await bringUp({
    name: `pictures-${process.pid}`,
    cleanup,
    say,
    prepare: (db) => addWatchedAddress(db, 'BTC', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', null),
    extraEnvironment: {
      ...simulatedEnvironment(simulator, { perMinute: 6_000 }),
      BLOCKCHAIR_PER_DAY: '1000000',
      BLOCKCHAIR_PAGES_PER_RUN: '100',
      CRYPTOFLOW_DATA_LABEL: 'simulated data',
    },
  });
  const { client } = stack;
  const { uiUrl, namespace } = stack.servers.temporal;
  const start = (workflowId: string, date: string, coins: string[]) =>
    client.workflow.start('dailyIngestion', {
      taskQueue: 'cryptoflow',
      workflowId,
      args: [{ date, coins }],
      staticSummary: `simulated data for ${date}`,
    });

  const finished = await start('simulated/finished', day(1), ['bitcoin', 'ethereum', 'dogecoin']);
  await finished.result();
  simulator.fault('blockchair /bitcoin/blocks', { wrongType: { field: 'transaction_count' } });
  const failed = await start('simulated/failed', day(2), ['bitcoin', 'ethereum', 'dogecoin']);
  await failed.result().catch(() => undefined);
  simulator.fault('coingecko', { status: 503 });
  simulator.fault('blockchair', { latencyMs: 4_000 });
  const running = await start('simulated/running', day(3), ['bitcoin', 'ethereum', 'dogecoin']);
  await new Promise((resolve) => setTimeout(resolve, 12_000));

  const browser = await chromium.launch({ executablePath, args: browserArguments });
  cleanup.add(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  const at = (...parts: string[]) => `${uiUrl}/namespaces/${namespace}/${parts.map(encodeURIComponent).join('/')}`;
  const activity = client.workflow.getHandle(`ingest/coingecko.prices/bitcoin/${day(3)}`);
  const activityRun = (await activity.describe()).runId;
  await shoot(page, say, 'running', at('workflows', running.workflowId, running.firstExecutionRunId, 'user-metadata'));
  await shoot(page, say, 'failing-activity', at('workflows', activity.workflowId, activityRun, 'pending-activities'));
  await shoot(page, say, 'finished', at('workflows', finished.workflowId, finished.firstExecutionRunId, 'timeline'));
  await shoot(page, say, 'failed', at('workflows', failed.workflowId, failed.firstExecutionRunId, 'timeline'));
  await shoot(page, say, 'schedule', at('schedules', 'daily-ingestion'));
  await running.cancel();
}

export const browserArguments = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

function day(ago: number): string {
  return new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
}

async function shoot(page: Page, say: ProofTools['say'], name: string, url: string): Promise<void> {
  await page.goto(url, { waitUntil: 'load' });
  // the UI keeps a connection open, so "network idle" never comes
  await page.waitForTimeout(4_000);
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  say(`picture   ${path.relative(projectFolder, file)}`);
}
