import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time';

/** The search attributes that our workflows set; all others of the namespace are left alone. */
export const searchAttributeTypes = {
  CryptoflowDataset: 'Keyword',
  CryptoflowCoin: 'Keyword',
  CryptoflowStatus: 'Keyword',
  CryptoflowLogicalDate: 'Datetime',
} as const;

// temporal.api.enums.v1.IndexedValueType
const indexedValueType = { Keyword: 2, Datetime: 6 } as const;
const grpcStatus = { NOT_FOUND: 5, ALREADY_EXISTS: 6 } as const;

// A dev server forgets closed runs after a day; a month is what the data's own detail logs keep.
const retentionDays = 30;
const dayMs = 86_400_000;

export interface PreparedNamespace {
  addedSearchAttributes: string[];
  /** Days for which closed runs are kept from now on; undefined when it already was 30 or more. */
  raisedRetentionDays?: number;
}

/**
 * Registers our search attributes where they are missing, waits until queries know them, and raises the retention of
 * closed runs to 30 days (a longer one stays). Changes nothing when called again. Throws for a missing namespace, for
 * an attribute that exists with another type, and where the server does not let us change it.
 */
export async function prepareNamespace(connection: Connection, namespace: string): Promise<PreparedNamespace> {
  const raised = await raiseRetention(connection, namespace);
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length > 0) {
    await addSearchAttributes(connection, namespace, missing);
    await waitUntilQueryable(connection, namespace);
  }
  return { addedSearchAttributes: missing, raisedRetentionDays: raised ? retentionDays : undefined };
}

type AttributeName = keyof typeof searchAttributeTypes;

async function raiseRetention(connection: Connection, namespace: string): Promise<boolean> {
  const { workflowService } = connection;
  const described = await workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    if (!isGrpcServiceError(error) || error.code !== grpcStatus.NOT_FOUND) throw error;
    throw new Error(
      `namespace "${namespace}" does not exist on ${connection.options.address}. Create it with ` +
        `\`temporal operator namespace create --namespace ${namespace} --retention ${retentionDays}d ` +
        `--address ${connection.options.address}\`, or set TEMPORAL_NAMESPACE to one that exists`,
      { cause: error },
    );
  });
  if (tsToMs(described.config?.workflowExecutionRetentionTtl) >= retentionDays * dayMs) return false;
  const config = { workflowExecutionRetentionTtl: msToTs(retentionDays * dayMs) };
  await workflowService.updateNamespace({ namespace, config }).catch((error: unknown) => {
    const command = `temporal operator namespace update --namespace ${namespace} --retention ${retentionDays}d`;
    throw refused(`the retention of namespace "${namespace}" could not be set`, error, command);
  });
  return true;
}

async function missingSearchAttributes(connection: Connection, namespace: string): Promise<AttributeName[]> {
  const listed = await connection.operatorService.listSearchAttributes({ namespace }).catch((error: unknown) => {
    throw refused(
      `the search attributes of namespace "${namespace}" could not be read`,
      error,
      createCommand(namespace),
    );
  });
  return Object.entries(searchAttributeTypes).flatMap(([name, type]) => {
    const existing = listed.customAttributes?.[name];
    if (existing === undefined) return [name as AttributeName];
    if (existing === indexedValueType[type]) return [];
    throw new Error(
      `search attribute ${name} of namespace "${namespace}" has another type than ${type}. Remove it with ` +
        `\`temporal operator search-attribute remove --namespace ${namespace} --name ${name}\` and start again`,
    );
  });
}

async function addSearchAttributes(connection: Connection, namespace: string, names: AttributeName[]): Promise<void> {
  const searchAttributes = Object.fromEntries(
    names.map((name) => [name, indexedValueType[searchAttributeTypes[name]]]),
  );
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    // Two workers may prepare the same namespace at once.
    if (isGrpcServiceError(error) && error.code === grpcStatus.ALREADY_EXISTS) return;
    const what = `search attributes ${names.join(', ')} could not be added to namespace "${namespace}"`;
    throw refused(what, error, createCommand(namespace, names));
  }
}

/** The frontend answers from a cache: up to 2 s on a dev server, up to a minute on a cluster with Elasticsearch. */
async function waitUntilQueryable(connection: Connection, namespace: string): Promise<void> {
  const conditions = Object.entries(searchAttributeTypes).map(([name, type]) =>
    type === 'Datetime' ? `${name} = '2000-01-01T00:00:00Z'` : `${name} = 'none'`,
  );
  const query = conditions.join(' AND ');
  for (const giveUpAt = Date.now() + 90_000; ; await sleep(200)) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (error) {
      if (Date.now() < giveUpAt) continue;
      throw new Error(`namespace "${namespace}" does not know its new search attributes yet: try again in a minute`, {
        cause: error,
      });
    }
  }
}

function createCommand(namespace: string, names = Object.keys(searchAttributeTypes) as AttributeName[]): string {
  const flags = names.map((name) => `--name ${name} --type ${searchAttributeTypes[name]}`).join(' ');
  return `temporal operator search-attribute create --namespace ${namespace} ${flags}`;
}

function refused(what: string, error: unknown, command: string): Error {
  const why = isGrpcServiceError(error) ? error.details : String(error);
  const text = `${what}: ${why}. Someone who may has to run \`${command}\` (on Temporal Cloud: its UI or tcld)`;
  return new Error(text, { cause: error });
}
