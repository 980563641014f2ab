import { variable, whole } from '#platform/variable';

/** What people may take along, and for how long it lies there. */
export const EXPORTS = {
  exportDays: variable(
    'CAIRN_EXPORT_DAYS',
    whole(1, 3_650),
    '7',
    'Days after which the file of an export is removed.',
  ),
  exportLinkMinutes: variable(
    'CAIRN_EXPORT_LINK_MINUTES',
    whole(1, 10_080),
    '15',
    'Minutes that a link to the file of an export is good for.',
  ),
  exportRows: variable(
    'CAIRN_EXPORT_ROWS',
    whole(1, 1_000_000_000),
    '10000000',
    'Events of one export at most.',
  ),
  exportHours: variable(
    'CAIRN_EXPORT_HOURS',
    whole(1, 720),
    '24',
    'Hours after which an export that is not done is given up.',
  ),
  exportsPerKey: variable(
    'CAIRN_EXPORTS_PER_KEY',
    whole(1, 1_000),
    '3',
    'Exports of one API key that are not done, at most.',
  ),
  exportsPerAccount: variable(
    'CAIRN_EXPORTS_PER_ACCOUNT',
    whole(1, 10_000),
    '10',
    'Exports that are not done and may hold events of one account, at most.',
  ),
};
