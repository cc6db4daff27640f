import type { ReactNode } from 'react';

/** A valley between two slopes with a signal rising from its edge: the verge. */
export function Logo({ size = 24 }: { size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" role="img" aria-label="Verge">
      <rect width="32" height="32" rx="7" fill="#0d5c6b" />
      <path
        d="M6.5 9 L16 25 L25.5 9"
        fill="none"
        stroke="#fff"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path d="M16 25 V14" stroke="#7fd6e3" strokeWidth="3" strokeLinecap="round" />
      <circle cx="16" cy="9.5" r="2.6" fill="#7fd6e3" />
    </svg>
  );
}
