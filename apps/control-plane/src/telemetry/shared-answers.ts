interface Question {
  readonly current: Promise<unknown>;
  /** For those who asked while the current answer is being made. */
  next: Promise<unknown> | null;
}

/**
 * One question asked by many at once is answered once. Whoever asks while an answer is being made waits for the next one,
 * which begins after they asked: nobody is given what was true before their question.
 */
export class SharedAnswers {
  private readonly questions = new Map<string, Question>();

  ask<T>(question: string, answer: () => Promise<T>): Promise<T> {
    const known = this.questions.get(question);
    if (known === undefined) return this.begin(question, answer);
    known.next ??= known.current.then(
      () => this.begin(question, answer),
      () => this.begin(question, answer),
    );
    return known.next as Promise<T>;
  }

  private begin<T>(question: string, answer: () => Promise<T>): Promise<T> {
    const current = answer().finally(() => {
      // Nobody waits for a next one: the question is over.
      if (this.questions.get(question) === entry && entry.next === null) this.questions.delete(question);
    });
    const entry: Question = { current, next: null };
    this.questions.set(question, entry);
    return current;
  }
}
