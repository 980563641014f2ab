import { list, network, variable } from '#platform/variable';

/** Where alerts may be sent. */
export const WEBHOOKS = {
  webhookNetworks: variable(
    'CAIRN_WEBHOOK_NETWORKS',
    list(network),
    '',
    'Addresses or networks that are not public and that webhooks may be sent to all the same, separated by commas; to these also without TLS.',
  ),
};
