import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

// A way to the database that knows as much of MySQL's protocol as it takes to see a COMMIT and the answer to it: the two
// moments at which nobody but the database knows what became of a transaction.

export interface CommitCut {
  /** `asked`: the COMMIT never reaches the database; `answered`: it is done, and its answer reaches nobody */
  when: 'asked' | 'answered';
  /** a statement of the transaction */
  having: RegExp;
  /** at that moment, before the connection is cut */
  then?: () => void;
}

export interface CommitProxy {
  /** the same database through this proxy */
  url: string;
  /** Cuts the connection at the next COMMIT of this kind, once. */
  cut(commit: CommitCut): void;
  /** cuts that did not happen yet */
  left(): number;
  close(): Promise<void>;
}

export async function startCommitProxy(databaseUrl: string): Promise<CommitProxy> {
  const target = new URL(databaseUrl);
  const armed: CommitCut[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect({ host: target.hostname, port: Number(target.port) });
    for (const socket of [client, database]) {
      sockets.add(socket);
      // what fails here is for the two ends to see
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    }
    relay(client, database, armed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    cut: (commit) => void armed.push(commit),
    left: () => armed.length,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function relay(client: Socket, database: Socket, armed: CommitCut[]): void {
  let statements: string[] = [];
  let awaited: CommitCut | undefined;
  const cut = (commit: CommitCut): void => {
    commit.then?.();
    client.resetAndDestroy();
    database.destroy();
  };
  const packets = packetsOf((packet) => {
    const statement = statementOf(packet);
    if (statement !== undefined) statements.push(statement);
    if (statement !== undefined && /^commit$/i.test(statement)) {
      const index = armed.findIndex(({ having }) => statements.some((each) => having.test(each)));
      const [commit] = index === -1 ? [] : armed.splice(index, 1);
      statements = [];
      if (commit?.when === 'asked') return cut(commit);
      awaited = commit;
    }
    if (statement !== undefined && /^(begin|rollback)$/i.test(statement)) statements = [];
    database.write(packet);
  });
  client.on('data', packets);
  database.on('data', (chunk: Buffer) => {
    if (awaited) return cut(awaited);
    client.write(chunk);
  });
  client.once('close', () => database.destroy());
  database.once('close', () => client.destroy());
}

/** Every packet has four bytes in front: its length in three of them, and a number. */
function packetsOf(take: (packet: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntLE(0, 3)) {
      const end = 4 + rest.readUIntLE(0, 3);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

const queryCommand = 3;
/** Enough to recognise a statement by. */
const shownCharacters = 200;

function statementOf(packet: Buffer): string | undefined {
  if (packet[3] !== 0 || packet[4] !== queryCommand) return undefined;
  // MySQL, but not MariaDB, is sent the number of query attributes (none, in one set) before the statement
  const from = packet[5] === 0 && packet[6] === 1 ? 7 : 5;
  return packet.toString('utf8', from, from + shownCharacters);
}
