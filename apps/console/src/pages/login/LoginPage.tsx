import { Alert, Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode, type SubmitEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useNavigate, useSearchParams } from 'react-router';
import { queryKeyOf, useChange, useRead } from '../../api/query.js';
import { ErrorDetail } from '../../components/ErrorState.js';
import { live } from '../../live/live.js';
import { Logo } from '../../shell/Logo.js';
import { LanguageMenu, SchemeMenu } from '../../shell/Preferences.js';
import classes from './login.module.css';
import { inBackground } from '../../inBackground.js';

/** Only addresses of this console are returned to. */
const safe = (next: string | null): string => (next?.startsWith('/') && !next.startsWith('//') ? next : '/');

export function LoginPage(): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [params] = useSearchParams();
  const next = safe(params.get('next'));
  const me = useRead('auth.me', {});
  const login = useChange('auth.login');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  useEffect(() => {
    document.title = `${t('login.title')} · Verge`;
  }, [t]);
  useEffect(
    () =>
      // Somebody logged in in another tab: this one goes on with it.
      live.onSession((user) => {
        if (user !== null) inBackground(cache.invalidateQueries({ queryKey: ['auth'] }));
      }),
    [cache],
  );
  if (me.data && !login.isPending && !login.isSuccess) return <Navigate to={next} replace />;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    login.mutate(
      { body: { email, password } },
      {
        onSuccess: ({ user }) => {
          cache.clear();
          cache.setQueryData(queryKeyOf('auth.me', {}), user);
          live.saySession(user.id);
          inBackground(navigate(next, { replace: true }));
        },
      },
    );
  };
  return (
    <main className={classes.page}>
      <Group className={classes.corner} gap={4}>
        <LanguageMenu />
        <SchemeMenu />
      </Group>
      <form className={classes.card} onSubmit={submit}>
        <Stack gap="md">
          <Group gap="sm">
            <Logo size={36} />
            <div>
              <Title order={1}>{t('login.title')}</Title>
              <Text size="sm" c="dimmed">
                {t('login.tagline')}
              </Text>
            </div>
          </Group>
          <TextInput
            label={t('login.email')}
            type="email"
            name="email"
            autoComplete="username"
            autoFocus
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label={t('login.password')}
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword'), tabIndex: 0 }}
          />
          {login.error && (
            <Alert color="red" variant="outline" role="alert" title={t('login.failed')}>
              <ErrorDetail error={login.error} />
            </Alert>
          )}
          <Button type="submit" size="sm" loading={login.isPending}>
            {t('login.submit')}
          </Button>
        </Stack>
      </form>
      <Text size="xs" c="dimmed" mt="lg">
        {t('login.hint')}
      </Text>
    </main>
  );
}
