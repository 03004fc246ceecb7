import type { Simulator } from './index';

/**
 * The variables that send every source to a simulator: without one of them a worker would ask the real service.
 * `perMinute` takes the place of what the services document, for tests that have no time.
 */
export function simulatedEnvironment(
  { baseUrls }: Pick<Simulator, 'baseUrls'>,
  options: { perMinute?: number } = {},
): Record<string, string> {
  const { coingeckoPro: _otherHost, ...own } = baseUrls;
  return Object.fromEntries(
    Object.entries(own).flatMap(([source, url]) => {
      const prefix = source.toUpperCase();
      const faster = options.perMinute === undefined ? [] : [[`${prefix}_PER_MINUTE`, String(options.perMinute)]];
      return [[`${prefix}_BASE_URL`, url], ...faster];
    }),
  ) as Record<string, string>;
}
