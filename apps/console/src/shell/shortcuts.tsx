import { Kbd, Modal, Table } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useProject } from '../session/project.js';
import { pageNames, pages } from './navigation.js';
import { inBackground } from '../inBackground.js';

/** How long the second key of a sequence is waited for. */
const SEQUENCE_MS = 1_200;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** `/` leads to the page's search, `g` and a letter to a page, `?` to the list of both. */
export function useShortcuts(onHelp: () => void): void {
  const navigate = useNavigate();
  const project = useProject();
  useEffect(() => {
    let leader = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[data-search]');
        if (!search) return;
        event.preventDefault();
        search.focus();
        return;
      }
      if (event.key === '?') return onHelp();
      const page =
        Date.now() - leader < SEQUENCE_MS ? pageNames.find((name) => pages[name].key === event.key) : undefined;
      leader = 0;
      if (page) inBackground(navigate(project.to(`/${page}`)));
      else if (event.key === 'g') leader = Date.now();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, onHelp, project]);
}

export function ShortcutHelp({ opened, onClose }: { opened: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('shell.shortcuts')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Table verticalSpacing={5}>
        <Table.Tbody>
          <Table.Tr>
            <Table.Td>
              <Kbd>/</Kbd>
            </Table.Td>
            <Table.Td>{t('shell.focusSearch')}</Table.Td>
          </Table.Tr>
          {pageNames.map((name) => (
            <Table.Tr key={name}>
              <Table.Td>
                <Kbd>g</Kbd> <Kbd>{pages[name].key}</Kbd>
              </Table.Td>
              <Table.Td>{t(`nav.${name}`)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
