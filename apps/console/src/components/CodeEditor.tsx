import { Code, Input, List, Text } from '@mantine/core';
import { useId, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fault } from './parse-document.js';
import classes from './CodeEditor.module.css';

interface Props {
  label: string;
  description?: string;
  value: string;
  onChange: (text: string) => void;
  faults: readonly Fault[];
  rows?: number;
}

/** A plain text editor with line numbers, in which the line of each fault is marked and all faults are listed below. */
export function CodeEditor({ label, description, value, onChange, faults, rows = 18 }: Props): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const gutter = useRef<HTMLDivElement>(null);
  const bad = new Set(faults.map((fault) => fault.line));
  const lines = value.split('\n').length;
  return (
    <Input.Wrapper label={label} description={description} id={id} labelProps={{ htmlFor: id }}>
      <div className={classes.editor} data-faulty={faults.length > 0 || undefined} style={{ height: rows * 19 + 18 }}>
        <div className={classes.gutter} ref={gutter} aria-hidden>
          {Array.from({ length: lines }, (_, i) => (
            <div key={i} data-bad={bad.has(i + 1) || undefined}>
              {i + 1}
            </div>
          ))}
        </div>
        <textarea
          id={id}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          wrap="off"
          value={value}
          aria-invalid={faults.length > 0}
          aria-describedby={`${id}-faults`}
          onChange={(event) => onChange(event.currentTarget.value)}
          onScroll={(event) => {
            if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      <div id={`${id}-faults`} aria-live="polite" className={classes.faults}>
        {faults.length === 0 ? (
          <Text fz="xs" c="var(--verge-good)">
            {t('editor.valid')}
          </Text>
        ) : (
          <>
            <Text fz="xs" c="var(--verge-bad)" fw={500}>
              {t('editor.faults', { count: faults.length })}
            </Text>
            <List size="xs" spacing={2}>
              {faults.map((fault) => (
                <List.Item key={`${fault.field} ${fault.detail}`}>
                  {fault.line !== null && `${t('editor.line', { line: fault.line })} `}
                  <Code fz="xs">{fault.field}</Code> {fault.detail}
                </List.Item>
              ))}
            </List>
          </>
        )}
      </div>
    </Input.Wrapper>
  );
}
