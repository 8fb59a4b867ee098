/** Devices and metrics as answers hold them: what they show, and the instant that their own fields are read at. */

import type { Device, Metric } from '../datapoints.ts'
import type { DeviceView, MetricView } from '../device-views.ts'
import { toDeviceView, toMetricView } from '../device-views.ts'
import type { DeviceAsOf, Instant } from '../store/as-of.ts'

/** No fields of the schema. */
interface AtInstant {
  id: number
  /** null: now. */
  instant: Instant | null
}

export interface DeviceNode extends DeviceView, AtInstant {
  attributesChangedSince: string[]
}

export type MetricNode = MetricView & AtInstant

export const toDeviceNode = (device: Device | DeviceAsOf, instant: Instant | null): DeviceNode => ({
  // It was heard of then, if no datapoint tells when last
  ...toDeviceView({ ...device, lastSeenAt: device.lastSeenAt ?? device.firstSeenAt }),
  attributesChangedSince: 'attributesChangedSince' in device ? device.attributesChangedSince : [],
  id: device.id,
  instant
})

export const toMetricNode = (metric: Metric, instant: Instant | null): MetricNode => ({
  ...toMetricView(metric),
  id: metric.id,
  instant
})
