import { OnnxError } from '../errors.js';

export type DiagnosticCode =
  | 'ir-version'
  | 'opset-missing'
  | 'opset-repeated'
  | 'graph-name'
  | 'node-name'
  | 'node-domain'
  | 'declared-type'
  | 'unknown-operator'
  | 'deprecated-operator'
  | 'missing-operator'
  | 'input-count'
  | 'output-count'
  | 'attribute-missing'
  | 'attribute-unknown'
  | 'attribute-kind'
  | 'attribute-reference'
  | 'undefined-input'
  | 'undefined-output'
  | 'duplicate-value'
  | 'shadowed-value'
  | 'empty-name'
  | 'topological-order'
  | 'cycle'
  | 'missing-type'
  | 'negative-dimension'
  | 'initializer-not-input'
  | 'initializer-type'
  | 'initializer-segment'
  | 'external-path'
  | 'sparse-tensor'
  | 'duplicate-function'
  | 'function-cycle'
  | 'too-many';

/** One finding of the legality check. A model is legal when it has none of severity `error`. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** The node concerned: its name, or the name of its first output when it has none. */
  readonly node: string | null;
  /** The value, attribute or initializer concerned. */
  readonly subject: string | null;
  readonly message: string;
}

/** A model that breaks the rules of ONNX IR; `diagnostics` holds every finding. */
export class LegalityError extends OnnxError {
  override readonly name = 'LegalityError';
  /** @param most errors that the message names */
  constructor(
    readonly diagnostics: readonly Diagnostic[],
    most = 5,
  ) {
    const errors = diagnostics.filter((d) => d.severity === 'error');
    const shown = errors.slice(0, most).map((d) => `${d.code}: ${d.message}`);
    const more = errors.length > most ? `; and ${errors.length - most} more` : '';
    super('illegal-model', `the model is not legal ONNX: ${shown.join('; ')}${more}`);
  }
}

/** Collects findings up to a bound, so that a hostile model cannot make the report itself large. */
export class Findings {
  readonly list: Diagnostic[] = [];
  constructor(private readonly most: number) {}

  get full(): boolean {
    return this.list.length > this.most;
  }

  add(found: { code: DiagnosticCode; message: string; node?: string; subject?: string; warning?: boolean }): void {
    if (this.full) return;
    const { code, message, node = null, subject = null, warning = false } = found;
    if (this.list.length === this.most) {
      this.list.push({
        code: 'too-many',
        severity: 'error',
        node: null,
        subject: null,
        message: 'more findings left out',
      });
    } else this.list.push({ code, severity: warning ? 'warning' : 'error', node, subject, message });
  }
}
