import type { User } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';

export type UserAction = 'disable' | 'enable' | 'endSessions' | 'delete';

/** Asks before something is done to a user; a refusal says what the user still holds. */
export function ConfirmUserAction(props: { user: User; action: UserAction; onClose: () => void }): ReactNode {
  const { user, action, onClose } = props;
  const { t } = useTranslation();
  const changes = {
    disable: useChange('users.disable', ['members']),
    enable: useChange('users.enable', ['members']),
    endSessions: useChange('users.endSessions'),
    delete: useChange('users.delete', ['members']),
  };
  const change = changes[action];
  return (
    <Confirm
      opened
      title={`${t(`users.${action}`)}: ${user.email}`}
      verb={t(`users.${action}`)}
      danger={action === 'delete' || action === 'disable'}
      busy={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate({ params: { user: user.id } }, { onSuccess: onClose })}
    >
      {t(`users.${action}Note`)}
    </Confirm>
  );
}
