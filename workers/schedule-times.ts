import type { CalendarSpecDescription, ScheduleSpecDescription } from '@temporalio/client';

const minute = 60_000;
const hour = 60 * minute;

/** When a schedule runs, as cron where it can be said so: the server keeps calendars, not the cron that made them. */
export function timesOf(spec: ScheduleSpecDescription): string {
  const zone = spec.timezone || 'UTC';
  const times = [
    ...(spec.calendars ?? []).map((calendar) => `${cronOf(calendar)} ${zone}`),
    ...(spec.intervals ?? []).map(
      ({ every, offset }) => `every ${span(every)}${offset ? ` from ${span(offset)} past` : ''}`,
    ),
    ...(spec.skip ?? []).map((calendar) => `not at ${cronOf(calendar)}`),
    ...(spec.startAt ? [`from ${spec.startAt.toISOString()}`] : []),
    ...(spec.endAt ? [`until ${spec.endAt.toISOString()}`] : []),
    ...(spec.jitter ? [`within ${span(spec.jitter)}`] : []),
  ];
  return times.join(', ') || 'never';
}

const days = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];
const months = [
  '',
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
];

type Ranges = readonly { start: number | string; end: number | string; step: number }[];

/** Five fields; six with seconds that are not 0, seven with years. */
function cronOf({
  second,
  minute: minutes,
  hour: hours,
  dayOfMonth,
  month,
  dayOfWeek,
  year,
}: CalendarSpecDescription): string {
  const seconds = cronField(second, 0, 59);
  const years = year.length > 0 ? [cronField(year, 0, 9999)] : [];
  return [
    ...(seconds === '0' ? [] : [seconds]),
    cronField(minutes, 0, 59),
    cronField(hours, 0, 23),
    cronField(dayOfMonth, 1, 31),
    cronField(month, 1, 12, months),
    cronField(dayOfWeek, 0, 6, days),
    ...years,
  ].join(' ');
}

function cronField(ranges: Ranges, first: number, last: number, names: readonly string[] = []): string {
  const position = (value: number | string): number => (typeof value === 'number' ? value : names.indexOf(value));
  const parts = ranges.map(({ start, end, step }) => {
    const [from, to] = [position(start), position(end)];
    const all = from === first && to === last ? '*' : from === to ? `${from}` : `${from}-${to}`;
    return step > 1 ? `${all}/${step}` : all;
  });
  return parts.join(',') || '*';
}

/** 21600000 → 6h. */
export function span(ms: number): string {
  const units = [
    ['d', 24 * hour],
    ['h', hour],
    ['m', minute],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, length]) => ms % length === 0 && ms > 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
