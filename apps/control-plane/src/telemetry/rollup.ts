/**
 * Telemetry of one scope (a project, a group, a device) over one span of time, as if it had been one record. Everything in it
 * can be added up in any order: counts, sketches, moments, classes, and the set of devices.
 */
import { SketchError, SketchSum } from '@verge/contracts/sketch';
import { DeviceSet } from './device-set.js';
import type { StoredFeature } from './merge.js';
import { MergedFeature } from './merge.js';

/** One row has room for so many; values beyond are left out, and how many is said. */
const mostClasses = 16_384;
const mostFeatures = 256;

export const countNames = ['records', 'requests', 'errors', 'callerErrors', 'loadErrors', 'leftOut'] as const;
export type CountName = (typeof countNames)[number];

/** As Postgres gives it: exact counts as text. What a query does not ask for is not there. */
export interface RollupRow {
  readonly records: string;
  readonly requests: string;
  readonly errors: string;
  readonly caller_errors: string;
  readonly load_errors: string;
  readonly left_out?: string;
  readonly latency_sketch: Uint8Array;
  /** [[index, count], ...] */
  readonly classes?: readonly (readonly [number, number | string])[];
  readonly features?: readonly StoredFeature[];
  readonly devices?: Uint8Array | null;
}

export class Rollup {
  readonly counts: Record<CountName, bigint> = {
    records: 0n,
    requests: 0n,
    errors: 0n,
    callerErrors: 0n,
    loadErrors: 0n,
    leftOut: 0n,
  };
  readonly latency = new SketchSum();
  readonly classes = new Map<number, bigint>();
  readonly features = new Map<string, MergedFeature>();
  readonly devices = new DeviceSet();

  add(row: RollupRow): this {
    const { counts } = this;
    counts.records += BigInt(row.records);
    counts.requests += BigInt(row.requests);
    counts.errors += BigInt(row.errors);
    counts.callerErrors += BigInt(row.caller_errors);
    counts.loadErrors += BigInt(row.load_errors);
    counts.leftOut += BigInt(row.left_out ?? 0);
    if (!isAdded(() => this.latency.add(row.latency_sketch))) counts.leftOut += BigInt(row.requests);
    this.addClasses(row.classes ?? []);
    for (const feature of row.features ?? []) this.addFeature(feature);
    if (row.devices) this.devices.join(row.devices);
    return this;
  }

  addClasses(classes: NonNullable<RollupRow['classes']>): void {
    for (const [index, count] of classes) this.addClass(index, BigInt(count));
  }

  private addClass(index: number, count: bigint): void {
    const known = this.classes.get(index);
    if (known === undefined && this.classes.size >= mostClasses) this.counts.leftOut += count;
    else this.classes.set(index, (known ?? 0n) + count);
  }

  private addFeature(feature: StoredFeature): void {
    const known = this.features.get(feature.name) ?? new MergedFeature();
    if (!this.features.has(feature.name)) {
      if (this.features.size >= mostFeatures) {
        this.counts.leftOut += BigInt(feature.count);
        return;
      }
      this.features.set(feature.name, known);
    }
    if (!isAdded(() => known.add(feature))) this.counts.leftOut += BigInt(feature.count);
  }

  /** [[index, count], ...]; a count that a double does not hold is text. */
  storedClasses(): string {
    const safe = (count: bigint) => (count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : String(count));
    return JSON.stringify([...this.classes].map(([index, count]) => [index, safe(count)]));
  }

  storedFeatures(): string {
    return JSON.stringify([...this.features].map(([name, feature]) => feature.stored(name)));
  }
}

/** A sketch that was stored before its form was checked as it is now breaks nothing: it is left out. */
function isAdded(add: () => void): boolean {
  try {
    add();
    return true;
  } catch (error) {
    if (error instanceof SketchError) return false;
    throw error;
  }
}

/** A sum as it is answered: one beyond 2^53 - 1 is answered as 2^53 - 1, so that what is stored never breaks an answer. */
export function safeCount(sum: bigint): number {
  return sum > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(sum);
}
