import { ConfigError, readConfig } from '../../workers/config';

const needed = { DATABASE_URL: 'mysql://user:secret99@127.0.0.1/crypto' };

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig({ ...needed, ...environment });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('variables that others set under the name of a source are left alone; a misspelt one of ours is not', () => {
  expect(problemsOf({ GITHUB_ACTIONS: 'true', GITHUB_TOKEN: 'ghs_1', COSMOS_ENDPOINT: 'https://x' })).toEqual([]);
  expect(problemsOf({ SOLANA_BASE_URLS: 'https://x' })).toEqual([
    expect.stringMatching(/^SOLANA_BASE_URLS is not a variable of cryptoflow; known: .*SOLANA_BASE_URL/) as string,
  ]);
});

test('several endpoints of a source, and the token of GitHub with its plan', () => {
  const { sources, secrets } = readConfig({
    ...needed,
    ETHEREUM_BASE_URL: 'https://one.example/rpc, https://two.example',
    GITHUB_API_KEY: 'ghp_0123456789',
  });
  expect(sources.get('ethereum')!.baseUrl).toBe('https://one.example/rpc, https://two.example');
  expect(sources.get('github')).toMatchObject({
    planName: 'token',
    plan: { limits: { perMinute: 30 }, key: { name: 'authorization', prefix: 'Bearer ' } },
  });
  expect(secrets).toContain('ghp_0123456789');
  expect(problemsOf({ SOLANA_BASE_URL: 'https://one.example, nowhere' })).toHaveLength(1);
});
