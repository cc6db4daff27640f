/** What studies of models found, kept for whoever asks the same of the same model: variants of a search share them. */
import { createHash } from 'node:crypto';
import { encodeModel, type Model } from '@verge/onnx';

export class SharedStudies {
  readonly #found = new Map<string, Promise<unknown>>();

  /**
   * @param model known by its content, not by which object it is
   * @param question all that the answer depends on beside the model; samples are the same for all
   * @param study answers it where nobody has asked yet; what it gives is shared, and not to be written to
   */
  of<T>(model: Model, question: object, study: () => Promise<T>): Promise<T> {
    const key = createHash('sha256').update(encodeModel(model)).update(JSON.stringify(question)).digest('hex');
    const known = this.#found.get(key) as Promise<T> | undefined;
    if (known) return known;
    const found = study();
    this.#found.set(key, found);
    // A study that was cancelled or failed is no answer.
    found.catch(() => this.#found.delete(key));
    return found;
  }
}
