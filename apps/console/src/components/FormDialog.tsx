import { Alert, Button, Group, Modal, Stack, Text, type MantineSize } from '@mantine/core';
import { useState, type ReactNode, type SubmitEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useSessionEnded } from '../session/expiry.js';
import { ErrorDetail } from './ErrorState.js';
import { useUnsaved } from './useUnsaved.js';

const ABOVE_THE_FORM = 300;

interface Props {
  opened: boolean;
  title: string;
  children: ReactNode;
  verb: string;
  busy: boolean;
  error: Error | null;
  disabled?: boolean;
  size?: MantineSize;
  onSubmit: () => void;
  onClose: () => void;
}

/**
 * A dialog with a form; a refusal shows every bad field that the server named. What was typed is not lost by a key or a click beside it:
 * it asks first. Only "Cancel" says by itself what it does.
 */
export function FormDialog(props: Props): ReactNode {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(false);
  const [asking, setAsking] = useState(false);
  const sessionEnded = useSessionEnded();
  // What is being sent is saved, as far as the way out is concerned.
  const blocker = useUnsaved(props.opened && typed && !props.busy);
  if (!props.opened && typed) setTyped(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    props.onSubmit();
  };
  const close = (): void => {
    if (typed && !props.busy) setAsking(true);
    else props.onClose();
  };
  const blocked = blocker.state === 'blocked';
  const keep = (): void => {
    setAsking(false);
    if (blocked) blocker.reset();
  };
  const discard = (): void => {
    setAsking(false);
    setTyped(false);
    if (blocked) blocker.proceed();
    else props.onClose();
  };
  const alone = !asking && !blocked && !sessionEnded;
  return (
    <>
      <Modal
        opened={props.opened}
        onClose={close}
        title={props.title}
        size={props.size ?? 'md'}
        closeOnEscape={alone}
        closeOnClickOutside={alone}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <form onSubmit={submit} onInput={() => setTyped(true)} noValidate>
          <Stack gap="sm">
            {props.children}
            {props.error && (
              <Alert color="red" variant="outline" role="alert">
                <Stack gap={4} align="flex-start">
                  <ErrorDetail error={props.error} />
                </Stack>
              </Alert>
            )}
            <Group justify="flex-end" gap="xs" mt="xs">
              <Button variant="default" onClick={props.onClose}>
                {t('common.cancel')}
              </Button>
              <Button type="submit" loading={props.busy} disabled={props.disabled}>
                {props.verb}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
      {(asking || blocked) && !sessionEnded && <Discard onKeep={keep} onDiscard={discard} />}
    </>
  );
}

/** There only while it asks: the key press that brings it up must not answer it. */
function Discard({ onKeep, onDiscard }: { onKeep: () => void; onDiscard: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={onKeep}
      title={t('unsaved.title')}
      size="sm"
      zIndex={ABOVE_THE_FORM}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Stack gap="md">
        <Text size="sm">{t('unsaved.hint')}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onKeep} data-autofocus>
            {t('unsaved.keep')}
          </Button>
          <Button color="red.8" onClick={onDiscard}>
            {t('unsaved.discard')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
