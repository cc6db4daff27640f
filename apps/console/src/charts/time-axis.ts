/** Where a time axis has its marks: at round moments of the reader's clock, few enough to be read. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const distances = [
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  30 * DAY,
  365 * DAY,
];
const MARKS = 7;

/**
 * @param moments the steps of the series, in their order
 * @param offsetMinutes of the reader's clock (Date.getTimezoneOffset)
 * @returns the first step at or after each mark
 */
export function timeMarks(moments: readonly number[], offsetMinutes: number): number[] {
  const [first] = moments;
  const last = moments.at(-1);
  if (first === undefined || last === undefined) return [];
  const distance = distances.find((each) => (last - first) / each <= MARKS) ?? distances.at(-1)!;
  const markOf = (at: number): number => Math.floor((at - offsetMinutes * MINUTE) / distance);
  const marks = moments.filter((at, i) => i > 0 && markOf(at) !== markOf(moments[i - 1]!));
  // A window shorter than its marks' distance still says when it is.
  return marks.length > 0 ? marks : [first];
}
