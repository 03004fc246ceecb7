import type { NetworkType } from '../db/queries/coins';
import type { FieldName } from './fields';
import type { Plan, Reject, SourceHttp } from './source';

/**
 * The part of a source's contract that is about slots: what it says about assets, how old that may be, and how few
 * requests that takes. A source knows no slot table, log or clock; it says when each value was true.
 */

/** An asset as a source knows it. `sourceIds` are the sources' own names for it, data of `crypto_assets`. */
export interface SourceAsset {
  coinId: string;
  symbol: string;
  kind: NetworkType;
  /** this source's own name of it, from `Observing.idOf` */
  sourceId: string;
  sourceIds: SourceIds;
}

/** `{"defillama":"Bitcoin","coinmetrics":"btc","github":["bitcoin/bitcoin"]}` */
export type SourceIds = Readonly<Record<string, string | readonly string[]>>;

/** A value in the unit of its field, and what it was before. */
export interface ObservedValue {
  /** plain decimal, see `plainDecimal` */
  value: string;
  /** as the source wrote it, with its unit, and how it was converted: '1070667944 GH/s ÷ 1000'; absent = as it is */
  from?: string;
}

/** What a source says about one asset at one time. A missing field is one that it did not give: never a zero. */
export interface Observation {
  coinId: string;
  /**
   * From when on the values hold, ISO with Z: the source's own time of them. A daily value of day D holds from the end of
   * D plus the source's publication lag. Null: the source gives no time; then it is the moment of its answer.
   */
  asOf: string | null;
  fields: Readonly<Partial<Record<FieldName, ObservedValue>>>;
}

export interface ReadingContext {
  /** at most `batch`, ordered by coinId */
  assets: readonly SourceAsset[];
  /** start of the quarter-hour, ISO with Z */
  slot: string;
  plan: Plan;
}

export interface ReadingAnswer {
  observations: Observation[];
  rejects: Reject[];
}

/** One kind of request. */
export interface Reading {
  /** the fields that it gives, for documents and for deciding what is due */
  gives: readonly FieldName[];
  /** most assets that one request covers; 1: those whose values are oldest are asked for first, as the budget allows */
  batch: number;
  /** asked again when its values are older than this: '15m' = in every slot, '1h', '24h' */
  every: string;
  /** asked for these assets only; left out: all that `idOf` names */
  covers?(asset: SourceAsset): boolean;
  fetch(http: SourceHttp, context: ReadingContext): Promise<ReadingAnswer>;
}

/** What a source says of a field. */
export interface ObservedField {
  /** precedence among the sources of the field: 1 is asked first */
  rank: number;
  /** the source's own unit, for the README's table ('GH/s') */
  unit: string;
  /** a value that is older than this at a slot is not used: '15m', '2h', '72h', '7d' */
  maxAge: string;
  /** where the source gives it only for some kinds of network */
  kinds?: readonly NetworkType[];
  /** past slots get it too, from the source's dataset `history` */
  history?: true;
}

/** A field that a source's own values make up, where they come with different requests. See follow.ts. */
export interface Following {
  /** without all of these there is no value */
  of: readonly FieldName[];
  /** plain decimals in, by name; undefined: nothing follows from these */
  by: (parts: Readonly<Partial<Record<FieldName, string>>>) => ObservedValue | undefined;
}

export interface Observing {
  /** the source's name of an asset; undefined: it does not have it */
  idOf(asset: Omit<SourceAsset, 'sourceId'>): string | undefined;
  fields: Readonly<Partial<Record<FieldName, ObservedField>>>;
  readings: Readonly<Record<string, Reading>>;
  /** fields that no request gives alone */
  follows?: Readonly<Partial<Record<FieldName, Following>>>;
  /** values of the last days that the source corrects later: a correction rewrites the slots that used it */
  revises?: true;
}
