import { Alert, Button, Group, Modal, Stack, type MantineSize } from '@mantine/core';
import type { ReactNode, SubmitEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorDetail } from './ErrorState.js';

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

/** A dialog with a form; a refusal shows every bad field that the server named. */
export function FormDialog(props: Props): ReactNode {
  const { t } = useTranslation();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      size={props.size ?? 'md'}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit} noValidate>
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
  );
}
