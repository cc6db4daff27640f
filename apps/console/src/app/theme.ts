/** The console's look: warm greys, one petrol accent, system fonts, small radii, dense controls. */
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const petrol: MantineColorsTuple = [
  '#e8f6f8',
  '#d3ebef',
  '#a6d7df',
  '#75c2ce',
  '#4eb0bf',
  '#2f9aab',
  '#1b8496',
  '#0f6f80',
  '#0d5c6b',
  '#094a57',
];

/** Neutral steps with a little warmth; index 6 and 7 are the surfaces of the dark scheme. */
const ink: MantineColorsTuple = [
  '#e6e6e3',
  '#c9cac8',
  '#a5a9aa',
  '#878d90',
  '#565d61',
  '#333a3e',
  '#23292d',
  '#1a1f22',
  '#131719',
  '#0d1011',
];

export const theme = createTheme({
  primaryColor: 'petrol',
  primaryShade: { light: 8, dark: 7 },
  colors: { petrol, dark: ink },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily:
    'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace',
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    Modal: { defaultProps: { centered: true }, styles: { title: { fontWeight: 600 } } },
    // Red on the page's own surface has less than 4.5:1.
    Alert: {
      styles: {
        root: { padding: '9px 14px', backgroundColor: 'var(--verge-panel)' },
        title: { fontSize: 'var(--mantine-font-size-sm)' },
      },
    },
    SegmentedControl: {
      styles: { root: { backgroundColor: 'var(--verge-line)' }, indicator: { backgroundColor: 'var(--verge-panel)' } },
    },
    Anchor: { defaultProps: { underline: 'hover' } },
    Loader: { defaultProps: { type: 'dots' } },
  },
});

/** Page and panel surfaces, and text tones that keep 4.5:1 on them in both schemes. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {
    '--verge-page': '#f6f5f1',
    '--verge-panel': '#ffffff',
    '--verge-line': '#e2e0d9',
  },
  light: {
    '--verge-page': '#f6f5f1',
    '--verge-panel': '#ffffff',
    '--verge-line': '#e2e0d9',
    '--verge-quiet': '#5b6165',
    '--verge-hover': '#f0efea',
    '--verge-code': '#f3f2ed',
    '--verge-good': '#2b7a3d',
    '--verge-bad': '#b3261e',
    '--verge-warn': '#9a5b00',
    '--verge-busy': '#0f6f80',
    '--verge-idle': '#747b7f',
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#1d2326',
    '--mantine-color-dimmed': '#5b6165',
    '--mantine-color-anchor': '#0d5c6b',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-placeholder': '#6f767a',
  },
  dark: {
    '--verge-page': '#131719',
    '--verge-panel': '#1a1f22',
    '--verge-line': '#2c3337',
    '--verge-quiet': '#a5a9aa',
    '--verge-hover': '#22282c',
    '--verge-code': '#14181a',
    '--verge-good': '#63c37a',
    '--verge-bad': '#ff8a80',
    '--verge-warn': '#e9b04f',
    '--verge-busy': '#5fc3d2',
    '--verge-idle': '#8d9497',
    '--mantine-color-body': '#1a1f22',
    '--mantine-color-text': '#e1e2df',
    '--mantine-color-dimmed': '#a5a9aa',
    '--mantine-color-anchor': '#75c2ce',
    '--mantine-color-error': '#ff8a80',
    '--mantine-color-placeholder': '#8d9497',
  },
});

/** Series colours: distinct for the common colour-vision deficiencies, ordered for contrast with their neighbours. */
export const seriesColors = [
  '#1b8496',
  '#c2571a',
  '#8172d6',
  '#b3831d',
  '#c03a6b',
  '#4d7f2c',
  '#3f6fb5',
  '#7a6a5c',
] as const;
export const seriesColor = (index: number): string => seriesColors[index % seriesColors.length] ?? seriesColors[0];
