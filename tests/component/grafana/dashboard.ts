// What a dashboard of monitoring/grafana may contain: the types of @grafana/schema, strict about each panel type.
// `make grafana-schema` turns it into dashboard.schema.json.
import type * as core from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as common from '@grafana/schema/dist/types/common/common.gen';
import type * as timeseries from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type * as stat from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as statetimeline from '@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as heatmap from '@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/types.gen';

interface PrometheusQuery extends common.DataQuery {
  expr: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  interval?: string;
  intervalFactor?: number;
  legendFormat?: string;
}
interface Defaults<Custom> extends Omit<core.FieldConfig, 'custom' | 'links'> { custom?: Custom; links?: core.DashboardLink[] }
interface PanelOf<Type extends string, Options, Custom> extends Omit<core.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  type: Type;
  options: Options;
  fieldConfig: { defaults: Defaults<Custom>; overrides: core.FieldConfigSource['overrides'] };
  targets: PrometheusQuery[];
}
interface Annotation extends core.AnnotationQuery { expr: string; titleFormat: string; textFormat: string; step: string; tagKeys?: string }
type AnyPanel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, Record<string, never>>
  | PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>;
export interface Dashboard extends Omit<core.Dashboard, 'panels' | 'annotations'> {
  annotations: { list: Annotation[] };
  panels: AnyPanel[];
}
