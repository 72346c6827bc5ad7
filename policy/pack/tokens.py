"""The type tokens that the rules know. A token that no SDK registers fails a test."""

import re
from collections.abc import Mapping

AWS_LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
AWS_LOAD_BALANCER_ALB = "aws:alb/loadBalancer:LoadBalancer"
AWS_LOAD_BALANCER_CLASSIC = "aws:elb/loadBalancer:LoadBalancer"
AWS_LISTENER = "aws:lb/listener:Listener"
AWS_LISTENER_ALB = "aws:alb/listener:Listener"
AWS_BUCKET = "aws:s3/bucket:Bucket"
AWS_BUCKET_V2 = "aws:s3/bucketV2:BucketV2"
AWS_BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
AWS_PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
AWS_BUCKET_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
AWS_DATABASE = "aws:rds/instance:Instance"
AWS_DATABASE_CLUSTER = "aws:rds/cluster:Cluster"
AWS_DATABASE_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
AWS_VOLUME = "aws:ebs/volume:Volume"
AWS_FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
AWS_CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
AWS_CLUSTER = "aws:eks/cluster:Cluster"
AWS_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
AWS_INSTANCE = "aws:ec2/instance:Instance"
AWS_LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
AWS_KEY = "aws:kms/key:Key"
AWS_POLICY = "aws:iam/policy:Policy"
AWS_ROLE = "aws:iam/role:Role"
AWS_ACCESS_KEY = "aws:iam/accessKey:AccessKey"
AWS_CACHE_CLUSTER = "aws:elasticache/cluster:Cluster"
AWS_DATABASE_CLUSTER_PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
AWS_DOCUMENT_CLUSTER = "aws:docdb/cluster:Cluster"
AWS_GRAPH_CLUSTER = "aws:neptune/cluster:Cluster"
AWS_KAFKA = "aws:msk/cluster:Cluster"
AWS_SEARCH = "aws:opensearch/domain:Domain"
AWS_SEARCH_LEGACY = "aws:elasticsearch/domain:Domain"
AWS_TABLE = "aws:dynamodb/table:Table"
AWS_WAREHOUSE = "aws:redshift/cluster:Cluster"
AWS_IMAGE_COPY = "aws:ec2/amiCopy:AmiCopy"
AWS_SNAPSHOT_COPY = "aws:ebs/snapshotCopy:SnapshotCopy"
AWS_IMAGE_PERMISSION = "aws:ec2/amiLaunchPermission:AmiLaunchPermission"
AWS_PUBLIC_REPOSITORY = "aws:ecrpublic/repository:Repository"
AWS_PARAMETER = "aws:ssm/parameter:Parameter"
AWS_ACCOUNT_ACCESS_BLOCK = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
AWS_ACCESS_POINT = "aws:s3/accessPoint:AccessPoint"
AWS_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
AWS_ENDPOINT_POLICY = "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy"
AWS_ORGANIZATION_POLICY = "aws:organizations/policy:Policy"
AWS_SECURITY_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
AWS_SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
AWS_DEFAULT_SECURITY_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
AWS_INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
AWS_PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
AWS_PREFIX_LIST_ENTRY = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"
AWS_PUBLIC_PORTS = "aws:lightsail/instancePublicPorts:InstancePublicPorts"
AWS_STACK = "aws:cloudformation/stack:Stack"
AWS_STACK_SET = "aws:cloudformation/stackSet:StackSet"
AWS_CLOUD_CONTROL = "aws:cloudcontrol/resource:Resource"

GCP_FORWARDING_RULE = "gcp:compute/forwardingRule:ForwardingRule"
GCP_GLOBAL_FORWARDING_RULE = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
GCP_BUCKET = "gcp:storage/bucket:Bucket"
GCP_DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
GCP_DISK = "gcp:compute/disk:Disk"
GCP_CLUSTER = "gcp:container/cluster:Cluster"
GCP_NODE_POOL = "gcp:container/nodePool:NodePool"
GCP_INSTANCE = "gcp:compute/instance:Instance"
GCP_CRYPTO_KEY = "gcp:kms/cryptoKey:CryptoKey"
GCP_SERVICE_ACCOUNT_KEY = "gcp:serviceaccount/key:Key"
GCP_MEMBER_REMOVAL = "gcp:projects/iamMemberRemove:IamMemberRemove"
GCP_ALLOY = "gcp:alloydb/cluster:Cluster"
GCP_BIGTABLE = "gcp:bigtable/instance:Instance"
GCP_DATASET = "gcp:bigquery/dataset:Dataset"
GCP_FILESTORE = "gcp:filestore/instance:Instance"
GCP_POOL_PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
GCP_REDIS = "gcp:redis/instance:Instance"
GCP_REGION_DISK = "gcp:compute/regionDisk:RegionDisk"
GCP_SPANNER = "gcp:spanner/database:Database"
GCP_FIREWALL = "gcp:compute/firewall:Firewall"
GCP_APP_FIREWALL = "gcp:appengine/firewallRule:FirewallRule"

KUBERNETES_RELEASE = "kubernetes:helm.sh/v3:Release"
KUBERNETES_SECRET = "kubernetes:core/v1:Secret"

PULUMI_STACK = "pulumi:pulumi:Stack"

AWS_INGRESS_RULES = frozenset({AWS_INGRESS_RULE, AWS_PREFIX_LIST, AWS_PREFIX_LIST_ENTRY})
AWS_SEARCH_DOMAINS = (AWS_SEARCH, AWS_SEARCH_LEGACY)
OTHER_POLICIES = frozenset(
    {
        AWS_ORGANIZATION_POLICY,
        "aws:cloudwatch/logAccountPolicy:LogAccountPolicy",
        "aws:cloudwatch/logDataProtectionPolicy:LogDataProtectionPolicy",
        "aws:cloudwatch/logIndexPolicy:LogIndexPolicy",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:fms/policy:Policy",
        "aws:iot/policyAttachment:PolicyAttachment",
        "aws:networkmanager/coreNetworkPolicyAttachment:CoreNetworkPolicyAttachment",
        "aws:resiliencehub/resiliencyPolicy:ResiliencyPolicy",
        "aws:ses/receiptFilter:ReceiptFilter",
        "aws:sns/dataProtectionPolicy:DataProtectionPolicy",
    }
)
"""Types whose `policy` is another thing than a document of IAM, or grants nothing."""
FRONTS: Mapping[str, tuple[str, tuple[object, ...]]] = {
    "aws:apigateway/restApi:RestApi": ("endpointConfiguration.types", ("PRIVATE",)),
    "aws:apigatewayv2/api:Api": ("", ()),
    "aws:apprunner/service:Service": (
        "networkConfiguration.ingressConfiguration.isPubliclyAccessible",
        (False,),
    ),
    "aws:cloudfront/distribution:Distribution": ("", ()),
    "aws:globalaccelerator/accelerator:Accelerator": ("", ()),
    "aws:transfer/server:Server": ("endpointType", ("VPC", "VPC_ENDPOINT")),
}
"""What is an entrance from the internet by its nature, unless the property has one of the values."""
DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "aws:fsx/s3AccessPointAttachment:S3AccessPointAttachment": ("s3AccessPoint.policy",),
    AWS_ROLE: ("inlinePolicies.policy",),
    "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy": ("details.policy",),
}
"""Where a document stands deeper than at the top, by type: what is above it may not be known either."""
GRANTEES: Mapping[str, tuple[str, ...]] = {
    "aws:acmpca/certificateAuthority:CertificateAuthority": (
        "revocationConfiguration.crlConfiguration.s3ObjectAcl",
    ),
    "aws:cognito/identityPool:IdentityPool": ("allowUnauthenticatedIdentities",),
    "aws:iot/topicRule:TopicRule": ("errorAction.s3.cannedAcl", "s3.cannedAcl"),
    "aws:lambda/functionUrl:FunctionUrl": ("authorizationType",),
    "aws:lambda/permission:Permission": ("principal",),
    "aws:medialive/channel:Channel": (
        "encoderSettings.outputGroups.outputGroupSettings.archiveGroupSettings.archiveCdnSettings"
        ".archiveS3Settings.cannedAcl",
        "encoderSettings.outputGroups.outputGroupSettings.frameCaptureGroupSettings.frameCaptureCdnSettings"
        ".frameCaptureS3Settings.cannedAcl",
        "encoderSettings.outputGroups.outputGroupSettings.hlsGroupSettings.hlsCdnSettings"
        ".hlsS3Settings.cannedAcl",
    ),
    "aws:s3/bucketAcl:BucketAcl": ("accessControlPolicy.grants.grantee.uri",),
    GCP_DATASET: ("accesses.iamMember", "accesses.role", "accesses.specialGroup"),
    "gcp:bigquery/datasetAccess:DatasetAccess": ("iamMember", "role", "specialGroup"),
    "gcp:cloudrunv2/service:Service": ("invokerIamDisabled",),
    GCP_POOL_PROVIDER: ("attributeCondition",),
    "gcp:storage/transferJob:TransferJob": (
        "replicationSpec.transferOptions.metadataOptions.acl",
        "transferSpec.transferOptions.metadataOptions.acl",
    ),
}
"""Properties that may name everybody, by type: where they have a parent, or a name that others have too."""
UNSEEN: Mapping[str, str] = {
    AWS_CLOUD_CONTROL: "write the typed resource",
    AWS_STACK: "write its resources in the program",
    AWS_STACK_SET: "write its resources in the program",
    KUBERNETES_RELEASE: "use kubernetes.helm.v4.Chart, whose objects are registered one by one",
}
"""What makes resources that no rule is shown, and what to do instead."""
KNOWN = re.compile(
    r"(aws|gcp|kubernetes|pulumi|random|nebula|nebula-local):"
    r"|docker:index/(image:Image|remoteImage:RemoteImage|registryImage:RegistryImage)$|docker-build:"
)
"""The types that rules know, or that make nothing which a rule could judge; any other may hide anything."""
GCP_HTTP_PROXIES = (
    "gcp:compute/targetHttpProxy:TargetHttpProxy",
    "gcp:compute/regionTargetHttpProxy:RegionTargetHttpProxy",
)
GCP_URL_MAPS = ("gcp:compute/uRLMap:URLMap", "gcp:compute/regionUrlMap:RegionUrlMap")
AWS_BUCKETS = (AWS_BUCKET, AWS_BUCKET_V2)
TAGGED = frozenset(
    {
        AWS_LOAD_BALANCER,
        AWS_BUCKET,
        AWS_BUCKET_V2,
        AWS_DATABASE,
        AWS_DATABASE_CLUSTER,
        AWS_DATABASE_PARAMETERS,
        AWS_VOLUME,
        AWS_FILE_SYSTEM,
        AWS_CACHE,
        AWS_CLUSTER,
        AWS_NODE_GROUP,
        AWS_INSTANCE,
        AWS_LAUNCH_TEMPLATE,
        AWS_KEY,
        AWS_POLICY,
        AWS_ROLE,
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/routeTable:RouteTable",
        AWS_SECURITY_GROUP,
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ecr/repository:Repository",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:secretsmanager/secret:Secret",
    }
)
LABELLED = {
    GCP_BUCKET: "labels",
    GCP_CLUSTER: "resourceLabels",
    GCP_CRYPTO_KEY: "labels",
    GCP_DATABASE: "settings.userLabels",
    GCP_DISK: "labels",
    GCP_FORWARDING_RULE: "labels",
    GCP_GLOBAL_FORWARDING_RULE: "labels",
    GCP_INSTANCE: "labels",
    GCP_NODE_POOL: "nodeConfig.resourceLabels",
    "gcp:artifactregistry/repository:Repository": "labels",
    "gcp:compute/address:Address": "labels",
    "gcp:secretmanager/secret:Secret": "labels",
}
"""The property of each type that holds its labels."""
