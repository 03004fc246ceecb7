import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { chromium, type Browser, type Page } from 'playwright-core';
import { listRuns } from '../../db/queries/ingestion-logs';
import { applySchedules } from '../../workers/schedules';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { browserArguments, chromiumPaths } from '../proof/pictures';

// they wait for states: how long that takes is the machine's affair
jest.setTimeout(300_000);

// What people do who have only the Temporal UI, done by a browser: with the dialogs' defaults, and JSON typed by hand.

const executablePath = chromiumPaths.find((each) => existsSync(each));
const dayMs = 86_400_000;
const day = (ago: number) => new Date(Date.now() - ago * dayMs).toISOString().slice(0, 10);

let product: Product;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  if (!executablePath) return;
  product = await startProduct({ server: databases()[0]! });
  await sql`UPDATE coin_metadata SET ingestion_enabled = (coingecko_id = 'bitcoin')`.execute(product.db);
  await applySchedules(product.client, product.connection, product.namespace);
  browser = await chromium.launch({ executablePath, args: browserArguments });
  page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  page.setDefaultTimeout(60_000);
});
afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const at = (...parts: string[]) =>
  `${process.env.TEST_TEMPORAL_UI}/namespaces/${product.namespace}/${parts.map(encodeURIComponent).join('/')}`;

/** Opens a dialog of the schedule's menu; what it preselects is its default. */
async function openDialog(action: 'Trigger' | 'Backfill') {
  await page.goto(at('schedules', 'daily-ingestion'));
  await page.click('#schedule-actions-menu-button');
  await page.locator('[role=menuitem]:visible', { hasText: action }).click();
  return page.locator('dialog[open]');
}

/** The dates of `dailyIngestion` that have ended well, by what started them. */
async function datesOf(scheduleId: string): Promise<string[]> {
  const runs = await listRuns(product.db, { source: 'coingecko', status: 'success', limit: 100 });
  const own = runs.filter(({ triggeredBy }) => triggeredBy === `schedule ${scheduleId}`);
  return [...new Set(own.map(({ targetDate }) => targetDate!))].toSorted();
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(100);
}

(executablePath ? describe : describe.skip)('from the Temporal UI', () => {
  test('Trigger ingests yesterday', async () => {
    const dialog = await openDialog('Trigger');
    await dialog.getByRole('button', { name: 'Trigger' }).click();
    await until(async () => (await datesOf('daily-ingestion')).includes(day(1)));
  });

  test("Backfill with the dialog's default policy: one run per date, none dropped", async () => {
    const dialog = await openDialog('Backfill');
    const asTyped = (date: string) => date.replace(/^(\d+)-(\d+)-(\d+)$/, '$2/$3/$1');
    expect(await dialog.locator('input[name=overlap-policy]:checked').getAttribute('value')).toBe('AllowAll');
    // times of the schedule: a date's own action is that of the day after it
    await dialog.locator('#backfill-start-date').fill(asTyped(day(5)));
    await dialog.locator('#backfill-end-date').fill(asTyped(day(1)));
    // else the time of day is that of now
    for (const end of ['start', 'end']) {
      await dialog.locator(`#backfill-${end}-hour`).fill('00');
      await dialog.locator(`#backfill-${end}-minute`).fill('00');
    }
    await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
    const wanted = [day(6), day(5), day(4), day(3)];
    await until(async () => {
      const dates = await datesOf('daily-ingestion');
      return wanted.every((date) => dates.includes(date));
    });
    const started: string[] = [];
    for await (const { workflowId } of product.client.workflow.list({ query: `WorkflowType = 'dailyIngestion'` }))
      started.push(workflowId);
    for (const ago of [5, 4, 3, 2]) expect(started).toContain(`daily-ingestion-${day(ago)}T01:00:00Z`);
  });
  test('Start Workflow by the prefilled link of the README, with JSON', async () => {
    const query = new URLSearchParams({ taskQueue: 'cryptoflow', workflowType: 'ingestCoinGecko' });
    await page.goto(`${at('workflows', 'start-workflow')}?${query.toString()}`);
    await page.fill('#workflowId', 'typed/by-hand');
    const editor = page.getByRole('textbox', { name: 'Data' });
    await editor.click();
    await page.keyboard.insertText(`{"date":"${day(1)}","coins":["bitcoin"]}`);
    // the editor lays out what it was given when it is left, and the button moves away under the pointer
    await page.getByText('Encoding', { exact: true }).click();
    await page.getByText('"coins": [').waitFor();
    await page.click('[data-testid=start-workflow-button]');
    const handle = product.client.workflow.getHandle('typed/by-hand');
    await until(() =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    );
    expect(await handle.result()).toMatchObject({ status: 'success', date: day(1), totals: { processed: 1 } });
  });
});
