import { z } from 'zod';
import { problemOf, type Policy, type RetentionSettings } from '../activities/retention/policies';

// How long data is kept, as the environment says it. Its own file: workers/config.ts is long enough.

const onchain = {
  name: 'CRYPTOFLOW_ONCHAIN_RETENTION_DAYS',
  default: '90/365/1825',
  says: 'days that `onchain_data` is kept: by slot/by day/by month',
};
const sentiment = {
  name: 'CRYPTOFLOW_SENTIMENT_RETENTION_DAYS',
  default: '30/365/1095',
  says: 'the same for `crypto_sentiment_data`',
};
const failures = {
  name: 'CRYPTOFLOW_FAILURE_RETENTION_DAYS',
  default: '90',
  says: 'days that failed calls and rejected records are kept',
};

/** In the order of the README's table. */
export const retentionVariables = [onchain, sentiment, failures];

const most = 36_500;
const days = z.coerce.number().int().min(1).max(most);
const policyShape = z
  .string()
  .regex(/^\d+\/\d+\/\d+$/)
  .transform((text) => text.split('/').map(Number) as [number, number, number])
  .refine((all) => all.every((each) => each >= 1 && each <= most));

type Read = <T, F>(name: string, shape: z.ZodType<T>, fallback: F, expected: string) => T | F;

/** Reads the policies. One that would lose values on their way is a problem, which says how to mend it. */
export function retentionOf(read: Read, addProblem: (problem: string) => void): RetentionSettings {
  const policyOf = ({ name, default: usual }: typeof onchain): Policy => {
    const fallback = policyShape.parse(usual);
    const [detailDays, aggregatedDays, summaryDays] = read(
      name,
      policyShape,
      fallback,
      `three numbers of days, each at least 1, like ${usual} (by slot/by day/by month)`,
    );
    const policy = { detailDays, aggregatedDays, summaryDays };
    const problem = problemOf(policy);
    if (problem) addProblem(`${name} ${problem}`);
    return policy;
  };
  return {
    policies: { onchain_data: policyOf(onchain), crypto_sentiment_data: policyOf(sentiment) },
    failureDays: read(failures.name, days, days.parse(failures.default), 'whole days, at least 1'),
  };
}
