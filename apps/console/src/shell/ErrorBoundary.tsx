import { Component, type ReactNode } from 'react';
import { forgetFailedPages } from '../app/lazy-page.js';
import { ErrorState } from '../components/ErrorState.js';

/** Keeps the shell when a page fails to load or to draw. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  constructor(props: { children: ReactNode }) {
    super(props);
    // Another visit of a page is another attempt to load it.
    forgetFailedPages();
  }

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    const again = (): void => {
      forgetFailedPages();
      this.setState({ error: null });
    };
    return error ? <ErrorState error={error} onRetry={again} /> : this.props.children;
  }
}
