"""The type tokens that the rules know. A token that no SDK registers fails a test."""

AWS_LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
AWS_LOAD_BALANCER_ALB = "aws:alb/loadBalancer:LoadBalancer"
AWS_LOAD_BALANCER_CLASSIC = "aws:elb/loadBalancer:LoadBalancer"
AWS_LISTENER = "aws:lb/listener:Listener"
AWS_LISTENER_ALB = "aws:alb/listener:Listener"
AWS_BUCKET = "aws:s3/bucket:Bucket"
AWS_BUCKET_V2 = "aws:s3/bucketV2:BucketV2"
AWS_BUCKET_ACL = "aws:s3/bucketAcl:BucketAcl"
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
AWS_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
AWS_USER_POLICY = "aws:iam/userPolicy:UserPolicy"
AWS_GROUP_POLICY = "aws:iam/groupPolicy:GroupPolicy"
AWS_ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
AWS_USER_ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
AWS_GROUP_ATTACHMENT = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
AWS_ACCESS_KEY = "aws:iam/accessKey:AccessKey"

GCP_FORWARDING_RULE = "gcp:compute/forwardingRule:ForwardingRule"
GCP_GLOBAL_FORWARDING_RULE = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
GCP_BUCKET = "gcp:storage/bucket:Bucket"
GCP_BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
GCP_BUCKET_BINDING = "gcp:storage/bucketIAMBinding:BucketIAMBinding"
GCP_DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
GCP_DISK = "gcp:compute/disk:Disk"
GCP_CLUSTER = "gcp:container/cluster:Cluster"
GCP_NODE_POOL = "gcp:container/nodePool:NodePool"
GCP_INSTANCE = "gcp:compute/instance:Instance"
GCP_CRYPTO_KEY = "gcp:kms/cryptoKey:CryptoKey"
GCP_PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
GCP_PROJECT_BINDING = "gcp:projects/iAMBinding:IAMBinding"
GCP_SERVICE_ACCOUNT_KEY = "gcp:serviceaccount/key:Key"

KUBERNETES_SERVICE = "kubernetes:core/v1:Service"
KUBERNETES_INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
KUBERNETES_STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
KUBERNETES_CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
KUBERNETES_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
KUBERNETES_CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
KUBERNETES_SECRET = "kubernetes:core/v1:Secret"
KUBERNETES_POD = "kubernetes:core/v1:Pod"
KUBERNETES_DEPLOYMENT = "kubernetes:apps/v1:Deployment"
KUBERNETES_STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
KUBERNETES_DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
KUBERNETES_REPLICA_SET = "kubernetes:apps/v1:ReplicaSet"
KUBERNETES_JOB = "kubernetes:batch/v1:Job"
KUBERNETES_CRON_JOB = "kubernetes:batch/v1:CronJob"

PULUMI_STACK = "pulumi:pulumi:Stack"

AWS_BUCKETS = (AWS_BUCKET, AWS_BUCKET_V2)
WORKLOADS = (
    KUBERNETES_DEPLOYMENT,
    KUBERNETES_STATEFUL_SET,
    KUBERNETES_DAEMON_SET,
    KUBERNETES_REPLICA_SET,
    KUBERNETES_JOB,
    KUBERNETES_CRON_JOB,
    KUBERNETES_POD,
)
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
        "aws:ec2/securityGroup:SecurityGroup",
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
