import { divideDecimals, multiplyDecimals, subtractDecimals } from '../decimals';
import { percentageOf } from '../follow';
import { compareDecimals } from '../numbers';
import type { Following } from '../observation';

/** What of the coin that is staked is bonded. */
export const stakedPercentage = percentageOf('staked_coins', 'total_supply');

/**
 * What a bonded coin earns a year, before a validator's commission and without fees, in per cent:
 * annual provisions ÷ bonded tokens × (1 − community tax), as the Cosmos SDK's mint and distribution modules pay it.
 */
export const stakingYield: Following = {
  of: ['annual_provisions', 'staked_coins', 'community_tax'],
  by: ({ annual_provisions: provisions = '0', staked_coins: staked = '0', community_tax: tax = '0' }) => {
    if (compareDecimals(staked, '0') <= 0 || compareDecimals(tax, '1') > 0) return undefined;
    const paid = multiplyDecimals(provisions, subtractDecimals('1', tax));
    return {
      value: divideDecimals(multiplyDecimals(paid, '100'), staked, 6),
      from: `${provisions} coins a year ÷ ${staked} × (1 − ${tax})`,
    };
  },
};
