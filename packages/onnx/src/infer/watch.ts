/** What inference finds inside of nodes: the graphs and function bodies that they run, and how often. */
import type { Dim, Node } from '../ir.js';
import type { Fact } from './facts.js';
import { joinTypes, type Inferred } from './types.js';

/** A graph or a body of a function as one node runs it, with what holds of its values whenever it runs. */
export interface Inside {
  readonly nodes: readonly Node[];
  readonly types: ReadonlyMap<string, Inferred>;
}

/**
 * Takes note of what is inside of nodes. A node is known by its path: the paths of the nodes around it, ended by `/` each,
 * and the name of its first output.
 */
export class Watch {
  readonly #inside = new Map<string, Inside>();
  readonly #trips = new Map<string, Dim>();

  static pathOf(around: string, node: Node): string {
    return `${around}${node.outputs.find((o) => o !== '') ?? ''}`;
  }

  /** @param name of the attribute that holds the graph; '' for the body of a function */
  sawInside(path: string, name: string, nodes: readonly Node[], facts: ReadonlyMap<string, Fact>): void {
    const key = `${path}/${name}`;
    const before = this.#inside.get(key)?.types;
    const types = new Map<string, Inferred>();
    for (const [value, { type }] of facts) {
      types.set(value, before?.has(value) ? joinTypes(before.get(value)!, type) : type);
    }
    this.#inside.set(key, { nodes, types });
  }

  /** How often a body runs; a symbol or null where that is not known. */
  sawTrips(path: string, count: Dim): void {
    const same = !this.#trips.has(path) || this.#trips.get(path) === count;
    this.#trips.set(path, same ? count : null);
  }

  /** What a node runs, or null where it never ran: a branch that is not taken, or a node that could not be followed. */
  inside(path: string, name: string): Inside | null {
    return this.#inside.get(`${path}/${name}`) ?? null;
  }

  trips(path: string): number | null {
    const count = this.#trips.get(path);
    return typeof count === 'number' ? count : null;
  }
}
