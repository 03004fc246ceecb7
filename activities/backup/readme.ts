/** The text beside the files, for someone who has nothing but them and a client of MySQL or MariaDB. */
export function readmeOf({
  id,
  kind,
  previous,
}: {
  id: string;
  kind: 'full' | 'incremental';
  previous: { id: string } | null;
}): string {
  const what =
    kind === 'full'
      ? 'A full backup: all of it is in this folder.'
      : `An incremental backup. It continues ${previous?.id ?? ''}: restore that first, as its own readme.txt says.`;
  const commands = [
    ...(kind === 'full'
      ? [
          `mariadb -h HOST -u USER -p -e "CREATE DATABASE restored CHARACTER SET utf8mb4"`,
          'gunzip -c schema.sql.gz | mariadb -h HOST -u USER -p restored',
        ]
      : []),
    'for table in $(ls *.sql.gz | grep -v schema.sql.gz); do gunzip -c "$table"; done | mariadb -h HOST -u USER -p restored',
  ];
  return `cryptoflow backup ${id}
${what}

1. See that every file is what was written:

  sha256sum -c SHA256SUMS

2. Load it, in this folder, with the mariadb client or, the same way, with mysql. Both servers take it:

${commands.map((command) => `  ${command}`).join('\n')}

The files are plain SQL. Every row is on a line of its own; text that is not plain ASCII is in hexadecimal digits
(UTF-8), so that no character set and no sql_mode can change it. An incremental file deletes a unit (a coin and a day)
before it brings the unit's rows. All times are UTC. With cryptoflow at hand, this checks everything and then does it all:

  npm run cli -- restore ${id} --into restored
`;
}
