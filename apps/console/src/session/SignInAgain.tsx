import { Alert, Button, Group, Modal, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import type { User } from '@verge/contracts';
import { useState, type ReactNode, type SubmitEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { queryKeyOf, useChange } from '../api/query.js';
import { ErrorDetail } from '../components/ErrorState.js';
import { inBackground } from '../inBackground.js';
import { live } from '../live/live.js';
import { sessionRenewed } from './expiry.js';
import { loginPath } from './login-path.js';

/** Above the dialogs of the page. */
const ON_TOP = 500;

/** Asks the same person to log in again, over the page as they left it. */
export function SignInAgain({ user }: { user: User }): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const login = useChange('auth.login');
  const [password, setPassword] = useState('');
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    login.mutate(
      { body: { email: user.email, password } },
      {
        onSuccess: (answer) => {
          cache.setQueryData(queryKeyOf('auth.me', {}), answer.user);
          sessionRenewed();
          live.saySession(answer.user.id);
          inBackground(cache.invalidateQueries());
        },
      },
    );
  };
  const leave = (): void => {
    sessionRenewed();
    inBackground(Promise.resolve(navigate(loginPath('/'), { replace: true })).then(() => cache.clear()));
  };
  return (
    <Modal
      opened
      onClose={() => undefined}
      title={t('login.title')}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      zIndex={ON_TOP}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Alert color="yellow" variant="outline" role="status">
            {t('login.expired')}
          </Alert>
          <TextInput label={t('login.email')} name="email" autoComplete="username" readOnly value={user.email} />
          <PasswordInput
            label={t('login.password')}
            name="password"
            autoComplete="current-password"
            required
            data-autofocus
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword'), tabIndex: 0 }}
          />
          {login.error && (
            <Alert color="red" variant="outline" role="alert" title={t('login.failed')}>
              <ErrorDetail error={login.error} />
            </Alert>
          )}
          <Group justify="space-between" mt="xs">
            <Button variant="subtle" color="gray" onClick={leave}>
              {t('login.other')}
            </Button>
            <Button type="submit" loading={login.isPending}>
              {t('login.submit')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
