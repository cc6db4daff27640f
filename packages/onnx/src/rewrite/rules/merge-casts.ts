import { opPattern, valuePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { DataType } from '../../tensor.js';

/** The types that hold every value of a type exactly. */
const HELD_BY: Readonly<Partial<Record<DataType, readonly DataType[]>>> = {
  bool: ['float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'],
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  float32: ['float64'],
  int8: ['float16', 'float32', 'float64', 'int16', 'int32', 'int64'],
  int16: ['float32', 'float64', 'int32', 'int64'],
  int32: ['float64', 'int64'],
  uint8: ['float16', 'float32', 'float64', 'int16', 'int32', 'int64', 'uint16', 'uint32', 'uint64'],
  uint16: ['float32', 'float64', 'int32', 'int64', 'uint32', 'uint64'],
  uint32: ['float64', 'int64', 'uint64'],
};

/** Cast(Cast(x)) -> Cast(x), when the type between holds every value of the first. */
export const mergeCasts: Rule = {
  name: 'merge-casts',
  pattern: opPattern('Cast', [opPattern('Cast', [valuePattern('x')], 'first')], 'second'),
  check(match) {
    const [from, between] = [match.value('x'), match.node('first').outputs[0]!].map((name) => {
      const type = match.view.type(name);
      return type?.kind === 'tensor' ? type.dtype : null;
    });
    if (!from || !between) return decline('a type is not known');
    return from === between || HELD_BY[from]?.includes(between)
      ? ACCEPT
      : decline(`${between} does not hold every ${from}`);
  },
  rewrite: (match, builder) =>
    builder.node('Cast', [match.value('x')], Object.fromEntries(match.node('second').attributes)),
};
