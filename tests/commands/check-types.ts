/** Types of a few modules, against the sources of the packages; those sources themselves are checked by `npm run typecheck`. */
import { join } from 'node:path';
import ts from 'typescript';

export interface TypeProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
  /** A name that is declared and not read, unless it is imported. */
  readonly unusedResult: boolean;
}

const unused = new Set([6133, 6192, 6196, 6198, 6199]);

/** @throws Error where tsconfig.json cannot be read */
export function checkTypes(root: string, files: readonly string[]): TypeProblem[] {
  const fail = (diagnostic: ts.Diagnostic): never => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
  };
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  const own = { incremental: false, tsBuildInfoFile: undefined };
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), own, host)!;
  const program = ts.createProgram(files, config.options);
  return files.flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return ts.getPreEmitDiagnostics(program, source).map(({ start = 0, code, messageText }) => {
      const imported = source.statements.some(
        (one) => ts.isImportDeclaration(one) && one.pos <= start && start < one.end,
      );
      return {
        file,
        line: source.getLineAndCharacterOfPosition(start).line + 1,
        message: `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
        unusedResult: unused.has(code) && !imported,
      };
    });
  });
}
