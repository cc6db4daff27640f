import { describe, expect, it } from 'vitest';
import { CompressionReport, type Measurement, SearchReport } from '@verge/contracts';
import { compressionHtml } from './compression-html.js';
import { searchHtml } from './search-html.js';

const measurement: Measurement = {
  bytes: 2048,
  parameters: 500,
  macs: 1000,
  samples: 10,
  p50Ms: 0.5,
  p95Ms: 0.6,
  peakRssBytes: null,
  threads: 1,
  runs: 5,
  machine: 'a <small> board',
};

const unit = { node: 'conv<1>', precision: 'float32', int8Ms: 0.2, float32Ms: 0.1, divergence: null, reason: 'slower' };
const pass = {
  pass: 'quantize-static',
  seconds: 1.5,
  bytesBefore: 4096,
  bytesAfter: 2048,
  changes: { units: 3 },
  declined: [{ node: 'lstm & co', reason: 'its weights are no constants' }],
  notes: ['a note'],
  units: [unit],
};

/** No address, no script, and every opened element is closed. */
function expectWhole(html: string): void {
  expect(html).not.toMatch(/https?:|<script|src=/);
  for (const tag of ['table', 'tr', 'td', 'th', 'ul', 'li', 'h2', 'p', 'details', 'svg', 'body'])
    expect(html.split(new RegExp(`<${tag}[ >]`)).length, tag).toBe(html.split(`</${tag}>`).length);
}

describe('pages of reports', () => {
  it('show what a compression did, refused and left', () => {
    const report = CompressionReport.parse({
      schema: 'verge.compression-report/1',
      recipe: 'int8',
      target: { name: 'board' },
      before: { ...measurement, bytes: 4096 },
      after: measurement,
      passes: [pass],
      offered: false,
      reasons: ['accuracy falls by 3 points; 1 is allowed'],
    });
    const html = compressionHtml(report, 'a&b.onnx');
    expectWhole(html);
    for (const text of [
      'a&amp;b.onnx',
      'not offered',
      'accuracy falls by 3 points',
      'conv&lt;1&gt;',
      'not measured',
      'lstm &amp; co',
      'a note',
      '4,096',
    ])
      expect(html).toContain(text);
  });

  it('show every variant of a search, and the budget', () => {
    const variant = {
      id: 'fold',
      passes: [{ pass: 'fold' }],
      reason: 'r',
      lossBy: 'accuracy',
      divergence: 0.1,
      macs: 10,
      seconds: 1,
      changes: [pass],
    };
    const report = SearchReport.parse({
      schema: 'verge.search-report/1',
      target: { name: 'board' },
      budget: { maxDropPoints: 1, maxBytes: 3000 },
      seed: 1,
      seconds: 12,
      resumed: 0,
      before: { ...measurement, bytes: 4096 },
      best: 'fold',
      nearest: null,
      variants: [
        { ...variant, verdict: 'best', points: 0.5, bytes: 2048, measured: measurement },
        { ...variant, id: 'far', verdict: 'over-budget', points: 50, bytes: 1024 },
        { ...variant, id: 'never', verdict: 'not-tried', points: null, bytes: null },
      ],
      notes: ['13 variants were not tried'],
    });
    const html = searchHtml(report, 'm.onnx');
    expectWhole(html);
    expect(html.match(/<circle /g)).toHaveLength(2);
    for (const text of ['best: fold', 'far', 'never', '13 variants were not tried', 'quantize-static'])
      expect(html).toContain(text);
  });
});
