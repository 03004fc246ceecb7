import { setCurrentDetails, sleep } from '@temporalio/workflow';
import type { FileLoaded, Probed } from '../activities/dumps';
import type { OpenedRun } from '../activities/runs';
import { budgetClassOf, bulkQueue, sourceQueue, type Priority } from './activity-options';
import { explainDate, today } from './logical-date';

/** What a run of the file's way knows of its run. */
export interface DumpRun {
  run: OpenedRun;
  date: string;
  priority: Priority;
  continuedFrom: string | null;
}

const firstWaitMs = 15 * 60_000;
const longestWaitMs = 60 * 60_000;

/** Is the file there? One look, that does not wait for others' downloads when there is something else to do. */
export async function probe(dump: DumpRun, patient: boolean): Promise<Probed> {
  return sourceQueue(dump.run.queue, 'is the dump there?', dump.priority).probeFile({
    ...fileOf(dump),
    today: today(),
    patient,
  });
}

export async function load(dump: DumpRun): Promise<FileLoaded> {
  setCurrentDetails(
    `${explainDate(dump.date)}\n\nbrings and loads the dump; how far it is stands at the pending activity \`loadFile\``,
  );
  return bulkQueue(dump.run.queue, 'download and load the dump', dump.priority).loadFile({
    ...fileOf(dump),
    logId: dump.run.logId,
    continuedFrom: dump.continuedFrom,
  });
}

/** Looks again after 15 minutes, doubling to an hour, until the file is there, or the time is over. */
export async function waitForDump(dump: DumpRun, waitMs: number): Promise<Probed> {
  const since = Date.now();
  for (let pauseMs = firstWaitMs; ; pauseMs = Math.min(2 * pauseMs, longestWaitMs)) {
    const probed = await probe(dump, true);
    const leftMs = since + waitMs - Date.now();
    if (probed.state !== 'missing' || leftMs <= 0) return probed;
    const from = new Date(since).toISOString().slice(0, 16);
    const next = new Date(Date.now() + Math.min(pauseMs, leftMs)).toISOString().slice(11, 16);
    setCurrentDetails(
      `${explainDate(dump.date)}\n\nwaiting for dump since ${from}Z: ${probed.says}; looks again at ${next}Z, gives up after ${waitMs / 3_600_000} h`,
    );
    await sleep(Math.min(pauseMs, leftMs));
  }
}

function fileOf({ run, date, priority }: DumpRun) {
  return { dataset: run.dataset, coin: run.coin, date, budgetClass: budgetClassOf(priority) };
}
