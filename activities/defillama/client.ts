import { z } from 'zod';
import type { FailureVerdict } from '../failures';

const message = z.object({ message: z.string() });

/** What the common table would read wrongly. There is no key: 403 is the network in front of the service. */
export function judge(status: number, body: unknown): FailureVerdict | undefined {
  if (status === 403) return { type: 'Unavailable', reason: 'its network refuses the request for now' };
  const said = message.safeParse(body).data?.message;
  // unknown names were seen with 400 as well as 404
  if (status === 400 && said !== undefined && /not found/i.test(said)) return { type: 'NotAvailable', reason: said };
  return undefined;
}
