import { Migration } from '@mikro-orm/migrations';

/** Deliveries of an alert, page by page (projections/alerts/deliveries/store.ts). */
export class AlertDeliveries extends Migration {
  override up(): void {
    this.addSql('CREATE INDEX alert_delivery_created ON alert_delivery (alert, created_at, id)');
  }

  override down(): void {
    this.addSql('DROP INDEX alert_delivery_created');
  }
}
