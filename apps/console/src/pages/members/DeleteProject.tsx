import { Box, Button, Checkbox, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { client } from '../../api/client.js';
import { FormDialog } from '../../components/FormDialog.js';
import { Panel } from '../../components/Panel.js';
import { inBackground } from '../../inBackground.js';
import { useProject } from '../../session/project.js';

/** The end of a project: by its name typed once more, and with a word about what is in it. */
export function DeleteProject(): ReactNode {
  const { t } = useTranslation();
  const { name } = useProject();
  const [asked, ask] = useDisclosure();
  return (
    <Box mt="md">
      <Panel title={t('members.deleteProject')} note={t('members.deleteProjectNote')}>
        <Button variant="outline" color="var(--verge-bad)" onClick={ask.open}>
          {t('members.deleteProjectOf', { name })}
        </Button>
        {asked && <DeleteProjectDialog onClose={ask.close} />}
      </Panel>
    </Box>
  );
}

function DeleteProjectDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug, name } = useProject();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [typed, setTyped] = useState('');
  const [cascade, setCascade] = useState(false);
  const change = useMutation({
    mutationFn: () =>
      client.call('projects.delete', {
        params: { project: slug },
        query: cascade ? { cascade: 'true', confirm: typed } : {},
      }),
    onSuccess: () => {
      inBackground(Promise.resolve(navigate('/')));
      for (const noun of ['projects', 'auth']) inBackground(cache.invalidateQueries({ queryKey: [noun] }));
    },
  });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('deleting.title', { name })}
      verb={t('deleting.verb')}
      busy={change.isPending}
      error={change.error}
      disabled={typed !== slug}
      onSubmit={() => change.mutate()}
    >
      <Text size="sm">
        {t('members.deleteProjectWhat')} {t('deleting.final')}
      </Text>
      <Checkbox
        label={t('members.deleteCascade')}
        checked={cascade}
        onChange={(event) => setCascade(event.currentTarget.checked)}
      />
      <TextInput
        label={t('members.deleteConfirm', { slug })}
        required
        data-autofocus
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
