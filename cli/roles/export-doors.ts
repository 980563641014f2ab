import { exportDesk } from '#cli/exports';
import { callerNow } from '#cli/own-trail';
import type { Ground } from '#cli/roles/ground';
import { createExportProxy } from '#gateway/export-proxy';
import type { Route } from '#platform/http/routes';
import type { Upstream } from '#platform/http/upstream';
import { createExportDoor } from '#subgraphs/events/index';

const EXPORT_PATH = '/v1/exports/*';

/** Files of exports, for whoever has a link to one. */
export async function exportRoute(ground: Ground): Promise<Route> {
  const authenticator = await ground.authenticator();
  const installation = await ground.installation();
  const { recorder } = installation.ownTrail;
  const door = createExportDoor({
    ...exportDesk(installation),
    liveKey: (keyId) => authenticator.liveKey(keyId),
    now: Date.now,
    watch: {
      downloaded: ({ id, scope: accounts }, principal) =>
        recorder.downloaded({ id, accounts, caller: callerNow(principal) }),
      refused: () =>
        recorder.refused({ operation: 'DownloadExport', code: 'FORBIDDEN', caller: callerNow() }),
    },
  });
  return { method: 'GET', path: EXPORT_PATH, handle: door };
}

/** The same at a gateway whose events are elsewhere. */
export function exportProxyRoute({ base }: Ground, upstream: Upstream): Route {
  const handle = createExportProxy({ upstream, telemetry: base.telemetry });
  return { method: 'GET', path: EXPORT_PATH, handle };
}
