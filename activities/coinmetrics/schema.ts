import { z } from 'zod';
import { instant } from '../observed';

/** /timeseries/asset-metrics: rows of one asset and day, read value by value; no token on the last page. */
export const answer = z.object({ data: z.array(z.unknown()), next_page_token: z.string().min(1).nullish() });

const time = z.string().transform((text, context) => {
  const iso = instant(text);
  if (iso !== undefined) return iso;
  context.addIssue({ code: 'custom', message: 'expected a time' });
  return z.NEVER;
});
export const row = z.looseObject({ asset: z.string(), time });
