import { migrateToLatest, schemaState } from '../../db/migrate';
import type { Command } from './command';

export const migrate: Command = {
  name: 'migrate',
  summary: 'bring the schema of the database to this version',
  action: {
    says: 'bring the schema of the database to this version',
    examples: ['migrate'],
    async run(_call, connections) {
      const database = await connections.db();
      const { applied } = await migrateToLatest(database);
      const { detail } = await schemaState(database);
      return { document: { applied, state: detail }, lines: [...applied.map((name) => `${name}  applied`), detail] };
    },
  },
};
