/**
 * Component schemas. Each named schema of the contracts is one; what has no name of its own inside them gets one from where
 * it stands, so that generated clients have a type to name. What a caller may send and what is answered differ (defaults,
 * closed or open): where both are used and are not the same, the former is called `...Input`.
 */
import { z } from 'zod';
import { adapt, type Answers, type Io } from './adapt.js';
import { isJson, mapObjects, pascal, type Json } from './json.js';

const BELOW = '#/components/schemas/';
/** A reference while it is not known yet whether both directions are the same. */
const marked = (name: string, io: Io): string => `${BELOW}${io}:${name}`;

export class Components {
  private readonly schemas: Record<Io, Map<string, Json>> = { input: new Map(), output: new Map() };

  constructor(private readonly answers: Answers) {}

  /** A reference to the schema, under its own name or `name`; the schema itself where it needs none. */
  use(schema: z.ZodType, io: Io, name: string): Json {
    return this.lift(this.print(schema, io), name, io);
  }

  /** The members of an object, each for itself: the parameters of a query. */
  members(schema: z.ZodObject, io: Io, name: string): { schemas: Record<string, Json>; required: ReadonlySet<string> } {
    const json = this.print(schema, io);
    const properties = (json['properties'] ?? {}) as Record<string, Json>;
    const lifted = Object.entries(properties).map(([key, each]) => [key, this.lift(each, name + pascal(key), io)]);
    return {
      schemas: Object.fromEntries(lifted) as Record<string, Json>,
      required: new Set((json['required'] as string[] | undefined) ?? []),
    };
  }

  /** What was made with this, with references as they are in the end, and `components.schemas`. */
  finish<T>(document: T): { document: T; schemas: Record<string, Json> } {
    const differing = this.differing();
    const nameOf = (name: string, io: Io): string => (io === 'input' && differing.has(name) ? `${name}Input` : name);
    const settle = (value: unknown): unknown =>
      mapObjects(value, (object) => {
        const settled = (text: unknown): unknown => {
          const [, io, name] = /^#\/components\/schemas\/(input|output):(.+)$/.exec(String(text)) ?? [];
          return io && name ? BELOW + nameOf(name, io as Io) : text;
        };
        return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, settled(item)]));
      });
    const all: Record<string, Json> = {};
    for (const io of ['input', 'output'] as const) {
      for (const [name, schema] of this.schemas[io]) {
        const own = nameOf(name, io);
        const settled = settle(schema) as Json;
        if (all[own] && JSON.stringify(all[own]) !== JSON.stringify(settled))
          throw new Error(`two schemas are called ${own}`);
        all[own] = settled;
      }
    }
    const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
    return { document: settle(document) as T, schemas: Object.fromEntries(sorted) };
  }

  private print(schema: z.ZodType, io: Io): Json {
    const {
      $schema: _,
      $defs,
      ...root
    } = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => adapt(zodSchema, jsonSchema as Json, io, this.answers),
    }) as Json & { $defs?: Record<string, Json> };
    const toComponents = (value: unknown): Json =>
      mapObjects(value, (object) =>
        typeof object['$ref'] === 'string'
          ? { ...object, $ref: marked(object['$ref'].replace('#/$defs/', ''), io) }
          : object,
      ) as Json;
    for (const [name, each] of Object.entries($defs ?? {})) this.add(name, toComponents(each), io);
    return toComponents(root);
  }

  private add(name: string, json: Json, io: Io): void {
    const known = this.schemas[io].get(name);
    const whole = this.inside(json, name, io);
    if (known && JSON.stringify(known) !== JSON.stringify(whole)) throw new Error(`two schemas are called ${name}`);
    this.schemas[io].set(name, whole);
  }

  /** Names a schema that stands somewhere, where it is one that a client makes a type of. */
  private lift(json: Json, name: string, io: Io): Json {
    const { description, default: usual, ...rest } = json;
    if (!needsName(rest)) return this.inside(json, name, io);
    this.add(name, rest, io);
    return {
      ...(description === undefined ? {} : { description }),
      ...(usual === undefined ? {} : { default: usual }),
      $ref: marked(name, io),
    };
  }

  /** The schema with what stands in it named after it. */
  private inside(json: Json, name: string, io: Io): Json {
    const lifted = { ...json };
    if (isJson(json['properties'])) {
      const properties = Object.entries(json['properties']) as [string, Json][];
      lifted['properties'] = Object.fromEntries(
        properties.map(([key, each]) => [key, this.lift(each, name + pascal(key), io)]),
      );
    }
    if (isJson(json['items'])) lifted['items'] = this.lift(json['items'], singular(name), io);
    if (isJson(json['additionalProperties']))
      lifted['additionalProperties'] = this.lift(json['additionalProperties'], `${name}Value`, io);
    for (const key of ['anyOf', 'oneOf'] as const) {
      const options = json[key] as Json[] | undefined;
      if (!options) continue;
      const some = options.filter((option) => option['type'] !== 'null');
      lifted[key] = options.map((option) =>
        this.lift(option, some.length === 1 ? name : name + optionName(option, options), io),
      );
    }
    return lifted;
  }

  /** Names that mean something else in what is sent than in what is answered, themselves or by what they refer to. */
  private differing(): ReadonlySet<string> {
    const { input, output } = this.schemas;
    const both = [...input.keys()].filter((name) => output.has(name));
    const bare = (json: Json): string => JSON.stringify(json).replaceAll(/(input|output):/g, '');
    const found = new Set(both.filter((name) => bare(input.get(name)!) !== bare(output.get(name)!)));
    for (let before = -1; before !== found.size;) {
      before = found.size;
      for (const name of both) {
        const refers = [...JSON.stringify(input.get(name)).matchAll(/input:([A-Za-z0-9]+)/g)].map(
          ([, other]) => other!,
        );
        if (refers.some((other) => found.has(other))) found.add(name);
      }
    }
    return found;
  }
}

/** Of a list, what each in it is called. */
const singular = (name: string): string =>
  name.endsWith('s') ? name.replace(/(?:ies|(?<=ss)es|s)$/, (end) => (end === 'ies' ? 'y' : '')) : `${name}Item`;

const needsName = (json: Json): boolean =>
  isJson(json['properties']) ||
  (Array.isArray(json['enum']) && json['enum'].length > 1) ||
  (Array.isArray(json['oneOf']) && json['oneOf'].length > 1);

/** What tells an option of a union from the others: the one value of a member, else its place. */
function optionName(option: Json, options: readonly Json[]): string {
  for (const member of Object.values((option['properties'] ?? {}) as Record<string, Json>))
    if (typeof member['const'] === 'string') return pascal(member['const']);
  return `Option${options.indexOf(option) + 1}`;
}
