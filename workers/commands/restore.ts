import { openStore } from '../../activities/backup/open-store';
import { readChain } from '../../activities/backup/read-backup';
import { restoreChain } from '../../activities/backup/restore';
import { assertDatabaseName, contentsOf, createDatabase, emptyDatabase } from '../../activities/backup/target';
import { counted } from '../output';
import { databaseOpener } from '../context';
import { recordedBackups, resolveId } from './backup';
import { UsageError, type Command } from './command';

export const restore: Command = {
  name: 'restore',
  summary: 'restore a backup, and those that it continues, into a database',
  action: {
    says: 'restore a backup, and those that it continues, into a database',
    args: ['<id>'],
    options: {
      into: { value: '<database>', says: 'on the server of DATABASE_URL; made where there is none' },
      overwrite: { value: '<database>', says: 'its name once more: everything that it holds is dropped first' },
    },
    notes: [
      '<id> is one of `backup list`, or `latest`. Every file is compared with its hash before anything is written, and',
      'what stands in the database afterwards with the checksums of the moment when it was backed up.',
    ],
    examples: ['restore latest --into restored', 'restore 2026-11-22-040012-full --into restored'],
    async run(call, connections) {
      const into = call.text('into');
      if (into === undefined) throw new UsageError('"restore" needs --into <database> - nothing says where - write it');
      const overwrite = call.text('overwrite');
      if (overwrite !== undefined && overwrite !== into)
        throw new UsageError(
          `--overwrite "${overwrite}" is not ${into} - it has to be its name once more - correct it`,
        );
      assertDatabaseName(into);
      const config = connections.config();
      const open = databaseOpener(config);
      const store = await openStore(config.settings.backup);
      try {
        const id = await resolveId(store, call.arg('id'));
        const present = await contentsOf(open, into);
        if (present !== undefined && present.length > 0 && overwrite === undefined)
          throw new Error(
            `${into} is not empty - it holds ${counted(present.length, 'table')}, ${present[0]!.name} for one - name another database, or add --overwrite ${into}`,
          );
        const { rows, warning } = await recordedBackups(connections);
        const chain = await readChain(store, id, rows.find((row) => row.id === id)?.sha256 ?? undefined);
        const target = open(into);
        try {
          const { signal } = new AbortController();
          const prepare = () => (present === undefined ? createDatabase(open, into) : emptyDatabase(open, into));
          const say = (line: string) => connections.progress(line);
          const restored = await restoreChain({ store, chain, target, prepare, signal, say });
          const ids = chain.map(({ manifest }) => manifest.id);
          return {
            document: { into, backups: ids, ...restored },
            lines: [
              ...ids.map((each) => `${each}  restored`),
              `${into}  ${counted(restored.tables, 'table')}  ${counted(restored.rows, 'row')}  all equal`,
              ...restored.countedOnly.map((table) => `${table}  rows counted only: MySQL writes JSON in its own way`),
            ],
            problem: warning,
          };
        } finally {
          await target.close();
        }
      } finally {
        store.close();
      }
    },
  },
};
