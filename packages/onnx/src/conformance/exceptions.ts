/** What shape inference leaves open or gets otherwise than the stored results of the ONNX 1.22 node tests. */

/** Cases that disagree, with the reason. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {};

/**
 * Cases that agree as far as the types of their inputs and the numbers in them tell, by their operators, with the
 * reason why a size or a rank stays open.
 */
export const OPEN: Readonly<Record<string, { cases: number; reason: string }>> = {
  Identity: { cases: 1, reason: 'a sequence whose elements are declared without a shape' },
  ImageDecoder: { cases: 9, reason: 'height and width stand in the compressed image' },
  Loop: { cases: 1, reason: 'a sequence declared of scalars, to which vectors are added' },
  NonMaxSuppression: { cases: 10, reason: 'the boxes that are left follow from their overlaps and scores' },
  SequenceInsert: { cases: 2, reason: 'a sequence whose elements are declared without a shape' },
  SequenceMap: { cases: 1, reason: 'elements of a symbolic size, which may differ; those stored are alike' },
  'SequenceLength Constant SequenceEmpty Loop': { cases: 1, reason: 'the same, written as a Loop' },
  StringNormalizer: { cases: 5, reason: 'the words that are left follow from the strings' },
  StringSplit: { cases: 6, reason: 'the parts follow from the strings' },
};
