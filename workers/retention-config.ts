import { problemOf, type Policy, type RetentionSettings } from '../activities/retention/policies';

// How long data is kept, as the environment says it. Its own file: workers/config.ts is long enough.

interface RetentionVariable {
  name: string;
  /** days that count when it is not set */
  days: number;
  says: string;
}

const policyVariables = (prefix: string, table: string, [detail, daily, monthly]: readonly [number, number, number]) =>
  [
    { name: `${prefix}_DETAIL_DAYS`, days: detail, says: `days that \`${table}\` is kept by slot; then by day` },
    { name: `${prefix}_AGGREGATED_DAYS`, days: daily, says: 'days that its daily values are kept; then by month' },
    {
      name: `${prefix}_SUMMARY_DAYS`,
      days: monthly,
      says: 'days that its monthly values are kept; then they are deleted',
    },
  ] as const;

const onchain = policyVariables('CRYPTOFLOW_ONCHAIN', 'onchain_data', [90, 365, 1_825]);
const sentiment = policyVariables('CRYPTOFLOW_SENTIMENT', 'crypto_sentiment_data', [30, 365, 1_095]);
const failures = {
  name: 'CRYPTOFLOW_FAILURE_RETENTION_DAYS',
  days: 90,
  says: 'days that failed calls and rejected records are kept',
};

/** In the order of the README's table. */
export const retentionVariables: readonly RetentionVariable[] = [...onchain, ...sentiment, failures];

/** Reads the policies; one that would lose values on their way is a problem, and says how to mend it. */
export function retentionOf(
  read: (name: string, fallback: number) => number,
  addProblem: (problem: string) => void,
): RetentionSettings {
  const policyOf = (variables: typeof onchain): Policy => {
    const [detail, daily, monthly] = variables;
    const policy = {
      detailDays: read(detail.name, detail.days),
      aggregatedDays: read(daily.name, daily.days),
      summaryDays: read(monthly.name, monthly.days),
    };
    const problem = problemOf(policy);
    if (problem) addProblem(`${variables.map(({ name }) => name).join(', ')}: this policy ${problem}`);
    return policy;
  };
  return {
    policies: { onchain_data: policyOf(onchain), crypto_sentiment_data: policyOf(sentiment) },
    failureDays: read(failures.name, failures.days),
  };
}
